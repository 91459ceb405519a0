-- Tables. They end in `_rows` and may hold a row more than once until they are merged; views have
-- each row once, merged or not, and are what people ask. Times are UTC.
--
-- Of rows with the same key the one with the highest `version` stands. Equal revisions, and
-- windows, which have none, are told apart by when the server took them: the first one stands.
-- `now64` is evaluated once an insert, so that the column is nearly free.
--
-- Histograms are two arrays, bins and their counts: `sumMap(ttft_bins, ttft_counts)` merges them.
-- What a bin holds says `upper_edge` in the view `endpoints_between`.

-- What one series saw in one minute.
CREATE TABLE IF NOT EXISTS step_rows@LOCAL@ @ON_CLUSTER@ (
    model LowCardinality(String),
    provider LowCardinality(String),
    quantization LowCardinality(String),
    region LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    epoch UInt64 CODEC(ZSTD(1)),
    revision UInt64 CODEC(ZSTD(1)),
    uptime_good UInt64 CODEC(T64, ZSTD(1)),
    uptime_whole UInt64 CODEC(T64, ZSTD(1)),
    success_good UInt64 CODEC(T64, ZSTD(1)),
    success_whole UInt64 CODEC(T64, ZSTD(1)),
    live_ok UInt32 CODEC(T64, ZSTD(1)),
    live_provider_error UInt32 CODEC(T64, ZSTD(1)),
    live_timeout UInt32 CODEC(T64, ZSTD(1)),
    live_transport_error UInt32 CODEC(T64, ZSTD(1)),
    live_stream_error UInt32 CODEC(T64, ZSTD(1)),
    live_empty_response UInt32 CODEC(T64, ZSTD(1)),
    live_provider_refused UInt32 CODEC(T64, ZSTD(1)),
    live_rate_limited UInt32 CODEC(T64, ZSTD(1)),
    live_geo_blocked UInt32 CODEC(T64, ZSTD(1)),
    live_client_error UInt32 CODEC(T64, ZSTD(1)),
    live_content_filtered UInt32 CODEC(T64, ZSTD(1)),
    live_client_cancelled UInt32 CODEC(T64, ZSTD(1)),
    live_gateway_error UInt32 CODEC(T64, ZSTD(1)),
    probe_ok UInt32 CODEC(T64, ZSTD(1)),
    probe_provider_error UInt32 CODEC(T64, ZSTD(1)),
    probe_timeout UInt32 CODEC(T64, ZSTD(1)),
    probe_transport_error UInt32 CODEC(T64, ZSTD(1)),
    probe_stream_error UInt32 CODEC(T64, ZSTD(1)),
    probe_empty_response UInt32 CODEC(T64, ZSTD(1)),
    probe_provider_refused UInt32 CODEC(T64, ZSTD(1)),
    probe_rate_limited UInt32 CODEC(T64, ZSTD(1)),
    probe_geo_blocked UInt32 CODEC(T64, ZSTD(1)),
    probe_client_error UInt32 CODEC(T64, ZSTD(1)),
    probe_content_filtered UInt32 CODEC(T64, ZSTD(1)),
    probe_client_cancelled UInt32 CODEC(T64, ZSTD(1)),
    probe_gateway_error UInt32 CODEC(T64, ZSTD(1)),
    ttft_n UInt64 CODEC(T64, ZSTD(1)),
    ttft_min_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    ttft_max_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    ttft_bins Array(UInt16) CODEC(Delta, ZSTD(1)),
    ttft_counts Array(UInt64) CODEC(T64, ZSTD(1)),
    duration_n UInt64 CODEC(T64, ZSTD(1)),
    duration_min_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_max_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_bins Array(UInt16) CODEC(Delta, ZSTD(1)),
    duration_counts Array(UInt64) CODEC(T64, ZSTD(1)),
    throughput_n UInt64 CODEC(T64, ZSTD(1)),
    throughput_min_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_max_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_bins Array(UInt16) CODEC(Delta, ZSTD(1)),
    throughput_counts Array(UInt64) CODEC(T64, ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(epoch), 128)
        + bitShiftLeft(toUInt256(revision), 64)
        + bitNot(toUInt64(toUnixTimestamp64Nano(now64(9))))
        CODEC(ZSTD(1))
)
ENGINE = @REPLACING@(version)
PARTITION BY toDate(minute)
ORDER BY (model, provider, quantization, region, minute)
TTL minute + toIntervalDay(@MINUTES_TTL_DAYS@)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS step_rows @ON_CLUSTER@ AS step_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'step_rows_local',
    cityHash64(model, provider, quantization, region)
);

-- Good and counted observations of the same minutes, ordered by time: what long windows of many
-- series are restored from. The same rows with the same versions, so it is as right as step_rows.
CREATE TABLE IF NOT EXISTS uptime_rows@LOCAL@ @ON_CLUSTER@ (
    model LowCardinality(String),
    provider LowCardinality(String),
    quantization LowCardinality(String),
    region LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    uptime_good UInt64 CODEC(T64, ZSTD(1)),
    uptime_whole UInt64 CODEC(T64, ZSTD(1)),
    version UInt256 CODEC(ZSTD(1)),
    -- Finds the rows of a list of endpoints without comparing names.
    endpoint UInt64 MATERIALIZED cityHash64(model, provider, quantization) CODEC(ZSTD(1))
)
ENGINE = @REPLACING@(version)
PARTITION BY toDate(minute)
ORDER BY (minute, model, provider, quantization, region)
TTL minute + toIntervalDay(@MINUTES_TTL_DAYS@)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS uptime_rows @ON_CLUSTER@ AS uptime_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'uptime_rows_local',
    cityHash64(model, provider, quantization, region)
);

CREATE MATERIALIZED VIEW IF NOT EXISTS step_rows_to_uptime_rows @ON_CLUSTER@
TO uptime_rows@LOCAL@ AS
SELECT model, provider, quantization, region, minute, uptime_good, uptime_whole, version
FROM step_rows@LOCAL@;

-- What was published for the window that ended with the last moment before `ending`.
CREATE TABLE IF NOT EXISTS window_rows@LOCAL@ @ON_CLUSTER@ (
    model LowCardinality(String),
    provider LowCardinality(String),
    quantization LowCardinality(String),
    -- 'global' is the merge of all regions.
    region LowCardinality(String),
    ending DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    window_start DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    window_end DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    status LowCardinality(String),
    uptime_good UInt64 CODEC(T64, ZSTD(1)),
    uptime_whole UInt64 CODEC(T64, ZSTD(1)),
    success_good UInt64 CODEC(T64, ZSTD(1)),
    success_whole UInt64 CODEC(T64, ZSTD(1)),
    live_ok UInt32 CODEC(T64, ZSTD(1)),
    live_provider_error UInt32 CODEC(T64, ZSTD(1)),
    live_timeout UInt32 CODEC(T64, ZSTD(1)),
    live_transport_error UInt32 CODEC(T64, ZSTD(1)),
    live_stream_error UInt32 CODEC(T64, ZSTD(1)),
    live_empty_response UInt32 CODEC(T64, ZSTD(1)),
    live_provider_refused UInt32 CODEC(T64, ZSTD(1)),
    live_rate_limited UInt32 CODEC(T64, ZSTD(1)),
    live_geo_blocked UInt32 CODEC(T64, ZSTD(1)),
    live_client_error UInt32 CODEC(T64, ZSTD(1)),
    live_content_filtered UInt32 CODEC(T64, ZSTD(1)),
    live_client_cancelled UInt32 CODEC(T64, ZSTD(1)),
    live_gateway_error UInt32 CODEC(T64, ZSTD(1)),
    probe_ok UInt32 CODEC(T64, ZSTD(1)),
    probe_provider_error UInt32 CODEC(T64, ZSTD(1)),
    probe_timeout UInt32 CODEC(T64, ZSTD(1)),
    probe_transport_error UInt32 CODEC(T64, ZSTD(1)),
    probe_stream_error UInt32 CODEC(T64, ZSTD(1)),
    probe_empty_response UInt32 CODEC(T64, ZSTD(1)),
    probe_provider_refused UInt32 CODEC(T64, ZSTD(1)),
    probe_rate_limited UInt32 CODEC(T64, ZSTD(1)),
    probe_geo_blocked UInt32 CODEC(T64, ZSTD(1)),
    probe_client_error UInt32 CODEC(T64, ZSTD(1)),
    probe_content_filtered UInt32 CODEC(T64, ZSTD(1)),
    probe_client_cancelled UInt32 CODEC(T64, ZSTD(1)),
    probe_gateway_error UInt32 CODEC(T64, ZSTD(1)),
    late UInt32 CODEC(T64, ZSTD(1)),
    uptime_1m_good UInt64 CODEC(T64, ZSTD(1)),
    uptime_1m_whole UInt64 CODEC(T64, ZSTD(1)),
    success_1m_good UInt64 CODEC(T64, ZSTD(1)),
    success_1m_whole UInt64 CODEC(T64, ZSTD(1)),
    rate_limited_1m_part UInt64 CODEC(T64, ZSTD(1)),
    rate_limited_1m_whole UInt64 CODEC(T64, ZSTD(1)),
    uptime_5m_good UInt64 CODEC(T64, ZSTD(1)),
    uptime_5m_whole UInt64 CODEC(T64, ZSTD(1)),
    uptime_6h_good Nullable(UInt64) CODEC(T64, ZSTD(1)),
    uptime_6h_whole Nullable(UInt64) CODEC(T64, ZSTD(1)),
    uptime_1d_good Nullable(UInt64) CODEC(T64, ZSTD(1)),
    uptime_1d_whole Nullable(UInt64) CODEC(T64, ZSTD(1)),
    latency_n UInt64 CODEC(T64, ZSTD(1)),
    latency_p50_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    latency_p75_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    latency_p90_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    latency_p95_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    latency_p99_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    latency_q95_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_n UInt64 CODEC(T64, ZSTD(1)),
    duration_p50_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_p75_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_p90_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_p95_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_p99_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    duration_q95_us Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_n UInt64 CODEC(T64, ZSTD(1)),
    throughput_p50_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_p75_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_p90_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_p95_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_p99_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    throughput_q95_mtps Nullable(UInt64) CODEC(T64, ZSTD(1)),
    -- USD per 1M tokens.
    price_input_usd Nullable(Decimal(18, 9)) CODEC(ZSTD(1)),
    price_output_usd Nullable(Decimal(18, 9)) CODEC(ZSTD(1)),
    native Bool,
    -- Operation -> 'green' or 'red'.
    verdicts Map(String, String) CODEC(ZSTD(1)),
    version UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Nano(now64(9))))
        CODEC(ZSTD(1))
)
ENGINE = @REPLACING@(version)
PARTITION BY toDate(ending)
ORDER BY (model, provider, quantization, region, ending)
TTL ending + toIntervalDay(@WINDOWS_TTL_DAYS@)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS window_rows @ON_CLUSTER@ AS window_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'window_rows_local',
    cityHash64(model, provider, quantization, region)
);

-- What one partition knew of an agent in one minute.
CREATE TABLE IF NOT EXISTS agent_rows@LOCAL@ @ON_CLUSTER@ (
    agent LowCardinality(String),
    partition UInt32 CODEC(T64, ZSTD(1)),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    epoch UInt64 CODEC(ZSTD(1)),
    revision UInt64 CODEC(ZSTD(1)),
    recorded UInt64 CODEC(T64, ZSTD(1)),
    -- Reason -> observations.
    dropped Map(String, UInt64) CODEC(ZSTD(1)),
    acknowledged UInt64 CODEC(T64, ZSTD(1)),
    refused UInt64 CODEC(T64, ZSTD(1)),
    clock_offset_us Int64 CODEC(T64, ZSTD(1)),
    early UInt64 CODEC(T64, ZSTD(1)),
    clashes UInt64 CODEC(T64, ZSTD(1)),
    version UInt256 MATERIALIZED bitShiftLeft(toUInt256(epoch), 128)
        + bitShiftLeft(toUInt256(revision), 64)
        + bitNot(toUInt64(toUnixTimestamp64Nano(now64(9))))
        CODEC(ZSTD(1))
)
ENGINE = @REPLACING@(version)
PARTITION BY toDate(minute)
ORDER BY (agent, partition, minute)
TTL minute + toIntervalDay(@AGENTS_TTL_DAYS@)
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS agent_rows @ON_CLUSTER@ AS agent_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'agent_rows_local',
    cityHash64(agent)
);
