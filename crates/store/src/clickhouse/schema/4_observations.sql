-- Single attempts, for drill-down. Ordered by what is asked for: an endpoint, a region, a time.
-- What an attempt is known by comes last in the order, so that the same row written again is one
-- row; of two that differ beside that, the one that the server took first stands.
CREATE TABLE IF NOT EXISTS observation_rows@LOCAL@ @ON_CLUSTER@ (
    model LowCardinality(String),
    provider LowCardinality(String),
    quantization LowCardinality(String),
    region LowCardinality(String),
    completed_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    -- Whose batch it stood in, which one, and where in it.
    agent LowCardinality(String),
    epoch UInt64 CODEC(ZSTD(1)),
    sequence UInt64 CODEC(T64, ZSTD(1)),
    partition UInt32 CODEC(T64, ZSTD(1)),
    content_hash UInt64 CODEC(ZSTD(1)),
    part_index UInt32 CODEC(T64, ZSTD(1)),
    outcome LowCardinality(String),
    source LowCardinality(String),
    status_code Nullable(UInt16) CODEC(ZSTD(1)),
    ttft_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    input_tokens Nullable(UInt32) CODEC(T64, ZSTD(1)),
    output_tokens Nullable(UInt32) CODEC(T64, ZSTD(1)),
    streamed Bool,
    attempt UInt32 CODEC(T64, ZSTD(1)),
    is_final Bool,
    -- Empty where the sender said nothing.
    request_id String CODEC(ZSTD(1)),
    tier LowCardinality(String),
    operation LowCardinality(String),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    appended_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    -- How many attempts it stands for.
    weight UInt32 CODEC(T64, ZSTD(1)),
    version UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Nano(now64(9))))
        CODEC(ZSTD(1))
)
ENGINE = @REPLACING@(version)
PARTITION BY toDate(completed_at)
ORDER BY (
    model, provider, quantization, region, completed_at,
    agent, epoch, sequence, partition, content_hash, part_index
)
TTL toDateTime(completed_at, 'UTC') + toIntervalDay(@ATTEMPTS_TTL_DAYS@)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS observation_rows @ON_CLUSTER@ AS observation_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'observation_rows_local',
    cityHash64(model, provider, quantization, region)
);

-- Each attempt that was kept, once. `sum(weight)` counts attempts, `count()` rows.
CREATE VIEW IF NOT EXISTS observations @ON_CLUSTER@ AS
SELECT
    completed_at, model, provider, quantization, region, source, outcome, status_code,
    ttft_us / 1e3 AS ttft_ms, duration_us / 1e3 AS duration_ms, input_tokens, output_tokens,
    if(
        outcome = 'ok' AND source = 'live' AND output_tokens >= 16,
        output_tokens * 1e6 / greatest(duration_us, 1), NULL
    ) AS throughput_tps,
    streamed, nullIf(tier, '') AS tier, nullIf(operation, '') AS operation,
    nullIf(request_id, '') AS request_id, attempt, is_final, weight,
    agent, epoch, sequence, partition, part_index, received_at, appended_at
FROM observation_rows FINAL;
