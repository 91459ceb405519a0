-- What was ruled on a gate, one row for each record of the gates log: kept for good, since there
-- are few. The same record is the same row, whoever writes it.
CREATE TABLE IF NOT EXISTS gate_rows@LOCAL@ @ON_CLUSTER@ (
    model LowCardinality(String),
    quantization LowCardinality(String),
    operation LowCardinality(String),
    since DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    log_id UInt64 CODEC(ZSTD(1)),
    log_offset UInt64 CODEC(T64, ZSTD(1)),
    -- 'green', 'red', or 'none' for one that was taken back.
    verdict LowCardinality(String),
    author String CODEC(ZSTD(1))
)
ENGINE = @REPLACING@()
PARTITION BY toYear(since)
ORDER BY (model, operation, quantization, since, log_id, log_offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 0;

-- Only on a cluster.
CREATE TABLE IF NOT EXISTS gate_rows @ON_CLUSTER@ AS gate_rows_local
ENGINE = Distributed(
    '@CLUSTER@', '@DATABASE@', 'gate_rows_local',
    cityHash64(model, operation)
);

CREATE VIEW IF NOT EXISTS gates @ON_CLUSTER@ AS
SELECT since, model, quantization, operation, verdict, author
FROM gate_rows FINAL;
