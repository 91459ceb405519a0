-- Schema 1.
--
-- Tables end in `_rows` and name series by number; the views below them spell everything out and
-- are what people ask. Minutes count from 1970-01-01T00:00Z; `minute * 60` is a Unix time. `crc`
-- guards its row (see seal.rs), so a row changed by hand is taken for damaged.

CREATE TABLE series (
    -- Numbers are never given twice, so that a row can't come to belong to another series.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    quantization TEXT NOT NULL,
    -- 'global' is the merge of all regions; it has windows only.
    region TEXT NOT NULL,
    -- The last day (since 1970) that any of its rows is for.
    last_day INTEGER NOT NULL,
    UNIQUE (model, provider, quantization, region)
) STRICT;

-- What one series saw in one minute. Time comes first in the key, so that a minute's rows are
-- written side by side and the oldest are deleted side by side.
CREATE TABLE step_rows (
    minute INTEGER NOT NULL,
    series INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    uptime_good INTEGER NOT NULL,
    uptime_whole INTEGER NOT NULL,
    success_good INTEGER NOT NULL,
    success_whole INTEGER NOT NULL,
    live_ok INTEGER NOT NULL,
    live_provider_error INTEGER NOT NULL,
    live_timeout INTEGER NOT NULL,
    live_transport_error INTEGER NOT NULL,
    live_stream_error INTEGER NOT NULL,
    live_empty_response INTEGER NOT NULL,
    live_provider_refused INTEGER NOT NULL,
    live_rate_limited INTEGER NOT NULL,
    live_geo_blocked INTEGER NOT NULL,
    live_client_error INTEGER NOT NULL,
    live_content_filtered INTEGER NOT NULL,
    live_client_cancelled INTEGER NOT NULL,
    live_gateway_error INTEGER NOT NULL,
    probe_ok INTEGER NOT NULL,
    probe_provider_error INTEGER NOT NULL,
    probe_timeout INTEGER NOT NULL,
    probe_transport_error INTEGER NOT NULL,
    probe_stream_error INTEGER NOT NULL,
    probe_empty_response INTEGER NOT NULL,
    probe_provider_refused INTEGER NOT NULL,
    probe_rate_limited INTEGER NOT NULL,
    probe_geo_blocked INTEGER NOT NULL,
    probe_client_error INTEGER NOT NULL,
    probe_content_filtered INTEGER NOT NULL,
    probe_client_cancelled INTEGER NOT NULL,
    probe_gateway_error INTEGER NOT NULL,
    ttft_n INTEGER NOT NULL,
    ttft_min_us INTEGER,
    ttft_max_us INTEGER,
    ttft_bins BLOB,
    duration_n INTEGER NOT NULL,
    duration_min_us INTEGER,
    duration_max_us INTEGER,
    duration_bins BLOB,
    throughput_n INTEGER NOT NULL,
    throughput_min_mtps INTEGER,
    throughput_max_mtps INTEGER,
    throughput_bins BLOB,
    crc INTEGER NOT NULL,
    PRIMARY KEY (minute, series)
) STRICT, WITHOUT ROWID;

-- Uptime in buckets of 5 minutes, by their first minute: sums over step_rows, made anew in every
-- transaction that changes one of the minutes. A day of all series is read from here.
CREATE TABLE uptime_rows (
    starting INTEGER NOT NULL,
    series INTEGER NOT NULL,
    good INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    PRIMARY KEY (starting, series)
) STRICT, WITHOUT ROWID;

-- What was published for the window that ended with the last moment before minute `ending`.
CREATE TABLE window_rows (
    ending INTEGER NOT NULL,
    series INTEGER NOT NULL,
    window_start_us INTEGER NOT NULL,
    window_end_us INTEGER NOT NULL,
    status TEXT NOT NULL,
    uptime_good INTEGER NOT NULL,
    uptime_whole INTEGER NOT NULL,
    success_good INTEGER NOT NULL,
    success_whole INTEGER NOT NULL,
    live_ok INTEGER NOT NULL,
    live_provider_error INTEGER NOT NULL,
    live_timeout INTEGER NOT NULL,
    live_transport_error INTEGER NOT NULL,
    live_stream_error INTEGER NOT NULL,
    live_empty_response INTEGER NOT NULL,
    live_provider_refused INTEGER NOT NULL,
    live_rate_limited INTEGER NOT NULL,
    live_geo_blocked INTEGER NOT NULL,
    live_client_error INTEGER NOT NULL,
    live_content_filtered INTEGER NOT NULL,
    live_client_cancelled INTEGER NOT NULL,
    live_gateway_error INTEGER NOT NULL,
    probe_ok INTEGER NOT NULL,
    probe_provider_error INTEGER NOT NULL,
    probe_timeout INTEGER NOT NULL,
    probe_transport_error INTEGER NOT NULL,
    probe_stream_error INTEGER NOT NULL,
    probe_empty_response INTEGER NOT NULL,
    probe_provider_refused INTEGER NOT NULL,
    probe_rate_limited INTEGER NOT NULL,
    probe_geo_blocked INTEGER NOT NULL,
    probe_client_error INTEGER NOT NULL,
    probe_content_filtered INTEGER NOT NULL,
    probe_client_cancelled INTEGER NOT NULL,
    probe_gateway_error INTEGER NOT NULL,
    late INTEGER NOT NULL,
    uptime_1m_good INTEGER NOT NULL,
    uptime_1m_whole INTEGER NOT NULL,
    success_1m_good INTEGER NOT NULL,
    success_1m_whole INTEGER NOT NULL,
    rate_limited_1m_part INTEGER NOT NULL,
    rate_limited_1m_whole INTEGER NOT NULL,
    uptime_5m_good INTEGER NOT NULL,
    uptime_5m_whole INTEGER NOT NULL,
    uptime_6h_good INTEGER,
    uptime_6h_whole INTEGER,
    uptime_1d_good INTEGER,
    uptime_1d_whole INTEGER,
    latency_n INTEGER NOT NULL,
    latency_p50_us INTEGER,
    latency_p75_us INTEGER,
    latency_p90_us INTEGER,
    latency_p95_us INTEGER,
    latency_p99_us INTEGER,
    latency_q95_us INTEGER,
    duration_n INTEGER NOT NULL,
    duration_p50_us INTEGER,
    duration_p75_us INTEGER,
    duration_p90_us INTEGER,
    duration_p95_us INTEGER,
    duration_p99_us INTEGER,
    duration_q95_us INTEGER,
    throughput_n INTEGER NOT NULL,
    throughput_p50_mtps INTEGER,
    throughput_p75_mtps INTEGER,
    throughput_p90_mtps INTEGER,
    throughput_p95_mtps INTEGER,
    throughput_p99_mtps INTEGER,
    throughput_q95_mtps INTEGER,
    -- 10^-9 USD per 1M tokens.
    price_input_nano_usd INTEGER,
    price_output_nano_usd INTEGER,
    native INTEGER NOT NULL,
    -- JSON: operation -> 'green' or 'red'.
    verdicts TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (ending, series)
) STRICT, WITHOUT ROWID;

-- What one agent reported of itself in one minute.
CREATE TABLE agent_rows (
    minute INTEGER NOT NULL,
    agent TEXT NOT NULL,
    partition INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    -- JSON: reason -> count.
    dropped TEXT NOT NULL,
    acknowledged INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    clock_offset_us INTEGER NOT NULL,
    early INTEGER NOT NULL,
    clashes INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (minute, agent, partition)
) STRICT, WITHOUT ROWID;

CREATE VIEW endpoint_steps AS
SELECT
    minute, strftime('%Y-%m-%dT%H:%MZ', minute * 60, 'unixepoch') AS at,
    model, provider, quantization, region, epoch, revision,
    1.0 * uptime_good / nullif(uptime_whole, 0) AS uptime, uptime_good, uptime_whole,
    1.0 * success_good / nullif(success_whole, 0) AS success, success_good, success_whole,
    live_ok, live_provider_error, live_timeout, live_transport_error, live_stream_error,
    live_empty_response, live_provider_refused, live_rate_limited, live_geo_blocked,
    live_client_error, live_content_filtered, live_client_cancelled, live_gateway_error,
    probe_ok, probe_provider_error, probe_timeout, probe_transport_error, probe_stream_error,
    probe_empty_response, probe_provider_refused, probe_rate_limited, probe_geo_blocked,
    probe_client_error, probe_content_filtered, probe_client_cancelled, probe_gateway_error,
    ttft_n, ttft_min_us / 1e3 AS ttft_min_ms, ttft_max_us / 1e3 AS ttft_max_ms,
    duration_n, duration_min_us / 1e3 AS duration_min_ms, duration_max_us / 1e3 AS duration_max_ms,
    throughput_n, throughput_min_mtps / 1e3 AS throughput_min_tps,
    throughput_max_mtps / 1e3 AS throughput_max_tps
FROM step_rows JOIN series ON series.id = step_rows.series;

CREATE VIEW endpoint_uptime AS
SELECT
    starting, strftime('%Y-%m-%dT%H:%MZ', starting * 60, 'unixepoch') AS at,
    model, provider, quantization, region,
    1.0 * good / nullif(whole, 0) AS uptime, good, whole
FROM uptime_rows JOIN series ON series.id = uptime_rows.series;

CREATE VIEW endpoint_windows AS
SELECT
    ending, strftime('%Y-%m-%dT%H:%MZ', ending * 60, 'unixepoch') AS at,
    model, provider, quantization, region, status,
    1.0 * uptime_good / nullif(uptime_whole, 0) AS uptime_30m, uptime_whole AS uptime_30m_n,
    1.0 * success_good / nullif(success_whole, 0) AS success_30m,
    1.0 * live_rate_limited / nullif(success_whole, 0) AS rate_limited_30m,
    success_whole AS success_30m_n,
    1.0 * uptime_1m_good / nullif(uptime_1m_whole, 0) AS uptime_1m, uptime_1m_whole AS uptime_1m_n,
    1.0 * success_1m_good / nullif(success_1m_whole, 0) AS success_1m,
    1.0 * rate_limited_1m_part / nullif(rate_limited_1m_whole, 0) AS rate_limited_1m,
    success_1m_whole AS success_1m_n,
    1.0 * uptime_5m_good / nullif(uptime_5m_whole, 0) AS uptime_5m, uptime_5m_whole AS uptime_5m_n,
    1.0 * uptime_6h_good / nullif(uptime_6h_whole, 0) AS uptime_6h, uptime_6h_whole AS uptime_6h_n,
    1.0 * uptime_1d_good / nullif(uptime_1d_whole, 0) AS uptime_1d, uptime_1d_whole AS uptime_1d_n,
    latency_n,
    latency_p50_us / 1e3 AS latency_p50_ms,
    latency_p75_us / 1e3 AS latency_p75_ms,
    latency_p90_us / 1e3 AS latency_p90_ms,
    latency_p95_us / 1e3 AS latency_p95_ms,
    latency_p99_us / 1e3 AS latency_p99_ms,
    duration_n,
    duration_p50_us / 1e3 AS duration_p50_ms,
    duration_p75_us / 1e3 AS duration_p75_ms,
    duration_p90_us / 1e3 AS duration_p90_ms,
    duration_p95_us / 1e3 AS duration_p95_ms,
    duration_p99_us / 1e3 AS duration_p99_ms,
    throughput_n,
    throughput_p50_mtps / 1e3 AS throughput_p50_tps,
    throughput_p75_mtps / 1e3 AS throughput_p75_tps,
    throughput_p90_mtps / 1e3 AS throughput_p90_tps,
    throughput_p95_mtps / 1e3 AS throughput_p95_tps,
    throughput_p99_mtps / 1e3 AS throughput_p99_tps,
    throughput_q95_mtps / 1e3 AS throughput_q95_tps,
    live_ok, live_provider_error, live_timeout, live_transport_error, live_stream_error,
    live_empty_response, live_provider_refused, live_rate_limited, live_geo_blocked,
    live_client_error, live_content_filtered, live_client_cancelled, live_gateway_error,
    probe_ok, probe_provider_error, probe_timeout, probe_transport_error, probe_stream_error,
    probe_empty_response, probe_provider_refused, probe_rate_limited, probe_geo_blocked,
    probe_client_error, probe_content_filtered, probe_client_cancelled, probe_gateway_error,
    late,
    iif(price_input_nano_usd IS NULL, NULL, printf(
        '%d.%09d', price_input_nano_usd / 1000000000, price_input_nano_usd % 1000000000
    )) AS price_input_usd,
    iif(price_output_nano_usd IS NULL, NULL, printf(
        '%d.%09d', price_output_nano_usd / 1000000000, price_output_nano_usd % 1000000000
    )) AS price_output_usd,
    native, verdicts
FROM window_rows JOIN series ON series.id = window_rows.series;

-- Only the partition that an agent's reports go to knows more than nothing of its totals.
CREATE VIEW agents AS
SELECT
    minute, strftime('%Y-%m-%dT%H:%MZ', minute * 60, 'unixepoch') AS at,
    agent, sum(recorded) AS recorded, sum(acknowledged) AS acknowledged,
    sum(refused) AS refused,
    coalesce(max(nullif(dropped, '{}')), '{}') AS dropped,
    sum(clock_offset_us) / 1e3 AS clock_offset_ms, sum(early) AS early,
    sum(clashes) AS clashes
FROM agent_rows GROUP BY minute, agent;
