-- Single attempts, for drill-down: the newest ones, bounded by age and by number. Time comes first
-- in the key, so that the oldest are deleted side by side.
CREATE TABLE attempt_rows (
    -- Microseconds since 1970.
    completed_at_us INTEGER NOT NULL,
    series INTEGER NOT NULL,
    -- Whose batch it stood in, which one, and where in it. Numbers of 64 bits are 16 hexadecimal
    -- digits.
    agent TEXT NOT NULL,
    epoch TEXT NOT NULL,
    sequence TEXT NOT NULL,
    partition INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    part_index INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    source TEXT NOT NULL,
    status_code INTEGER,
    ttft_us INTEGER,
    duration_us INTEGER,
    input_tokens INTEGER,
    output_tokens INTEGER,
    streamed INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    is_final INTEGER NOT NULL,
    request_id TEXT,
    tier TEXT,
    operation TEXT,
    received_at_us INTEGER NOT NULL,
    appended_at_us INTEGER NOT NULL,
    -- How many attempts it stands for.
    weight INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (
        completed_at_us, series, agent, epoch, sequence, partition, content_hash, part_index
    )
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_rows_of_series ON attempt_rows (series, completed_at_us);

CREATE VIEW observations AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%fZ', completed_at_us / 1e6, 'unixepoch') AS completed_at,
    model, provider, quantization, region, source, outcome, status_code,
    ttft_us / 1e3 AS ttft_ms, duration_us / 1e3 AS duration_ms, input_tokens, output_tokens,
    iif(
        outcome = 'ok' AND source = 'live' AND output_tokens >= 16,
        output_tokens * 1e6 / max(duration_us, 1), NULL
    ) AS throughput_tps,
    streamed, tier, operation, request_id, attempt, is_final, weight,
    agent, epoch, sequence, partition, part_index,
    strftime('%Y-%m-%dT%H:%M:%fZ', received_at_us / 1e6, 'unixepoch') AS received_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', appended_at_us / 1e6, 'unixepoch') AS appended_at
FROM attempt_rows JOIN series ON series.id = attempt_rows.series;
