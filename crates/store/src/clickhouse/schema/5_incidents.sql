-- Incidents, one row each: kept for good, since there are few. That of an incident's end stands,
-- and of two alike the one that the server took first.
CREATE TABLE IF NOT EXISTS incident_rows@LOCAL@ @ON_CLUSTER@ (
    opened_at DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    rule LowCardinality(String),
    -- 'endpoint/…', 'provider/…', 'agent/…' or 'fleet'.
    subject String CODEC(ZSTD(1)),
    -- 1 while it is open, then 2.
    revision UInt8,
    kind LowCardinality(String),
    severity LowCardinality(String),
    closed_at Nullable(DateTime64(6, 'UTC')) CODEC(ZSTD(1)),
    -- The worst that was seen, in millionths of its unit; the unit is empty if nothing was measured.
    worst_millionths UInt64 CODEC(T64, ZSTD(1)),
    worst_unit LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    closed_because String CODEC(ZSTD(1)),
    -- Of the subject; empty where there is none.
    model LowCardinality(String),
    provider LowCardinality(String),
    quantization LowCardinality(String),
    agent LowCardinality(String),
    version UInt128 MATERIALIZED bitShiftLeft(toUInt128(revision), 64)
        + bitNot(toUInt64(toUnixTimestamp64Nano(now64(9))))
        CODEC(ZSTD(1))
)
ENGINE = @REPLACING@(version)
PARTITION BY toYear(opened_at)
ORDER BY (opened_at, rule, subject)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS incident_rows @ON_CLUSTER@ AS incident_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'incident_rows_local',
    cityHash64(rule, subject)
);

CREATE VIEW IF NOT EXISTS incidents @ON_CLUSTER@ AS
SELECT
    rule, kind, severity, subject,
    nullIf(model, '') AS model, nullIf(provider, '') AS provider,
    nullIf(quantization, '') AS quantization, nullIf(agent, '') AS agent,
    opened_at, closed_at,
    (toUnixTimestamp64Micro(closed_at) - toUnixTimestamp64Micro(opened_at)) / 1e6 AS lasted_s,
    if(worst_unit = '', NULL, worst_millionths / 1e6) AS worst,
    nullIf(worst_unit, '') AS worst_unit, reason, closed_because
FROM incident_rows FINAL;
