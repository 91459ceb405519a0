-- What people ask. Each row once, whether its table is merged or not.

-- Each minute of each series once.
CREATE VIEW IF NOT EXISTS endpoint_steps @ON_CLUSTER@ AS
SELECT
    model, provider, quantization, region, minute, epoch, revision,
    uptime_good / nullIf(uptime_whole, 0) AS uptime, uptime_good, uptime_whole,
    success_good / nullIf(success_whole, 0) AS success, success_good, success_whole,
    live_ok, live_provider_error, live_timeout, live_transport_error, live_stream_error,
    live_empty_response, live_provider_refused, live_rate_limited, live_geo_blocked,
    live_client_error, live_content_filtered, live_client_cancelled, live_gateway_error,
    probe_ok, probe_provider_error, probe_timeout, probe_transport_error, probe_stream_error,
    probe_empty_response, probe_provider_refused, probe_rate_limited, probe_geo_blocked,
    probe_client_error, probe_content_filtered, probe_client_cancelled, probe_gateway_error,
    ttft_n, ttft_min_us / 1e3 AS ttft_min_ms, ttft_max_us / 1e3 AS ttft_max_ms,
    mapFromArrays(ttft_bins, ttft_counts) AS ttft_histogram,
    duration_n, duration_min_us / 1e3 AS duration_min_ms, duration_max_us / 1e3 AS duration_max_ms,
    mapFromArrays(duration_bins, duration_counts) AS duration_histogram,
    throughput_n, throughput_min_mtps / 1e3 AS throughput_min_tps,
    throughput_max_mtps / 1e3 AS throughput_max_tps,
    mapFromArrays(throughput_bins, throughput_counts) AS throughput_histogram
FROM step_rows FINAL;

-- Uptime of each series in 5 minutes.
CREATE VIEW IF NOT EXISTS endpoint_uptime @ON_CLUSTER@ AS
SELECT
    model, provider, quantization, region, toStartOfFiveMinutes(minute) AS starting,
    sum(uptime_good) / nullIf(sum(uptime_whole), 0) AS uptime,
    sum(uptime_good) AS good, sum(uptime_whole) AS whole
FROM uptime_rows FINAL
GROUP BY model, provider, quantization, region, starting;

-- What was published for the window ending at each minute.
CREATE VIEW IF NOT EXISTS endpoint_windows @ON_CLUSTER@ AS
SELECT
    model, provider, quantization, region, ending, window_start, window_end, status,
    uptime_good / nullIf(uptime_whole, 0) AS uptime_30m, uptime_whole AS uptime_30m_n,
    success_good / nullIf(success_whole, 0) AS success_30m,
    live_rate_limited / nullIf(success_whole, 0) AS rate_limited_30m,
    success_whole AS success_30m_n,
    uptime_1m_good / nullIf(uptime_1m_whole, 0) AS uptime_1m, uptime_1m_whole AS uptime_1m_n,
    success_1m_good / nullIf(success_1m_whole, 0) AS success_1m,
    rate_limited_1m_part / nullIf(rate_limited_1m_whole, 0) AS rate_limited_1m,
    success_1m_whole AS success_1m_n,
    uptime_5m_good / nullIf(uptime_5m_whole, 0) AS uptime_5m, uptime_5m_whole AS uptime_5m_n,
    uptime_6h_good / nullIf(uptime_6h_whole, 0) AS uptime_6h, uptime_6h_whole AS uptime_6h_n,
    uptime_1d_good / nullIf(uptime_1d_whole, 0) AS uptime_1d, uptime_1d_whole AS uptime_1d_n,
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
    late, price_input_usd, price_output_usd, native, verdicts
FROM window_rows FINAL;

-- Only the partition that an agent's reports go to knows more than nothing of its totals.
CREATE VIEW IF NOT EXISTS agents @ON_CLUSTER@ AS
SELECT
    agent, minute, sum(recorded) AS recorded, sumMap(dropped) AS dropped,
    sum(acknowledged) AS acknowledged, sum(refused) AS refused,
    sum(clock_offset_us) / 1e3 AS clock_offset_ms, sum(early) AS early, sum(clashes) AS clashes
FROM agent_rows FINAL
GROUP BY agent, minute;

-- What each endpoint did from `from` up to but not including `to`, in each region and ('global') in
-- all. A number over too few observations is NULL, by the same minimum as everywhere.
CREATE VIEW IF NOT EXISTS endpoints_between @ON_CLUSTER@ AS
WITH
    -- The bin that holds the nearest rank, ceil(n * percent / 100) and at least 1.
    (bins, sums, percent) -> bins[arrayFirstIndex(
        sum -> sum >= greatest(1, intDiv(toUInt128(sums[-1]) * percent + 99, 100)), sums
    )] AS bin_at,
    -- The greatest value of a bin: 128 bins to each doubling, from 256 units on.
    (bin, unit_bits) -> toUInt64(bitShiftLeft(
        toUInt64(bin) + 1 - 128 * (greatest(intDiv(bin, 128), 1) - 1),
        greatest(intDiv(bin, 128), 1) - 1 + unit_bits
    ) - 1) AS upper_edge,
    (merged, low, high, unit_bits, percent) -> greatest(low, least(high, upper_edge(
        bin_at(merged.1, arrayCumSum(merged.2), percent), unit_bits
    ))) / 1e3 AS value_at
SELECT
    model, provider, quantization, place AS region,
    if(uptime_n < 20, NULL, good / uptime_n) AS uptime,
    if(uptime_n < 20, NULL, greatest(0, (
        good / uptime_n + 3.8414588206941236 / (2 * uptime_n) - 1.959963984540054 * sqrt(
            good / uptime_n * (1 - good / uptime_n) / uptime_n
            + 3.8414588206941236 / (4 * pow(uptime_n, 2))
        )
    ) / (1 + 3.8414588206941236 / uptime_n))) AS uptime_lower,
    uptime_n,
    if(success_n < 20, NULL, succeeded / success_n) AS success,
    if(success_n < 20, NULL, limited / success_n) AS rate_limited,
    success_n,
    if(ttft_n < 20, NULL, value_at(ttft, ttft_min, ttft_max, 6, 50))
        AS ttft_p50_ms,
    if(ttft_n < 100, NULL, value_at(ttft, ttft_min, ttft_max, 6, 75))
        AS ttft_p75_ms,
    if(ttft_n < 100, NULL, value_at(ttft, ttft_min, ttft_max, 6, 90))
        AS ttft_p90_ms,
    if(ttft_n < 100, NULL, value_at(ttft, ttft_min, ttft_max, 6, 95))
        AS ttft_p95_ms,
    if(ttft_n < 500, NULL, value_at(ttft, ttft_min, ttft_max, 6, 99))
        AS ttft_p99_ms,
    ttft_n,
    if(duration_n < 20, NULL, value_at(duration, duration_min, duration_max, 6, 50))
        AS duration_p50_ms,
    if(duration_n < 100, NULL, value_at(duration, duration_min, duration_max, 6, 75))
        AS duration_p75_ms,
    if(duration_n < 100, NULL, value_at(duration, duration_min, duration_max, 6, 90))
        AS duration_p90_ms,
    if(duration_n < 100, NULL, value_at(duration, duration_min, duration_max, 6, 95))
        AS duration_p95_ms,
    if(duration_n < 500, NULL, value_at(duration, duration_min, duration_max, 6, 99))
        AS duration_p99_ms,
    duration_n,
    if(throughput_n < 20, NULL, value_at(throughput, throughput_min, throughput_max, 2, 50))
        AS throughput_p50_tps,
    if(throughput_n < 100, NULL, value_at(throughput, throughput_min, throughput_max, 2, 25))
        AS throughput_p75_tps,
    if(throughput_n < 100, NULL, value_at(throughput, throughput_min, throughput_max, 2, 10))
        AS throughput_p90_tps,
    if(throughput_n < 100, NULL, value_at(throughput, throughput_min, throughput_max, 2, 5))
        AS throughput_p95_tps,
    if(throughput_n < 500, NULL, value_at(throughput, throughput_min, throughput_max, 2, 1))
        AS throughput_p99_tps,
    if(throughput_n < 100, NULL, value_at(throughput, throughput_min, throughput_max, 2, 95))
        AS throughput_q95_tps,
    throughput_n
FROM (
    SELECT
        model, provider, quantization, arrayJoin([toString(region), 'global']) AS place,
        sum(uptime_good) AS good, sum(uptime_whole) AS uptime_n,
        sum(success_good) AS succeeded, sum(success_whole) AS success_n,
        sum(live_rate_limited) AS limited,
        sum(ttft_n) AS ttft_n, sumMap(ttft_bins, ttft_counts) AS ttft,
        min(ttft_min_us) AS ttft_min, max(ttft_max_us) AS ttft_max,
        sum(duration_n) AS duration_n, sumMap(duration_bins, duration_counts) AS duration,
        min(duration_min_us) AS duration_min, max(duration_max_us) AS duration_max,
        sum(throughput_n) AS throughput_n,
        sumMap(throughput_bins, throughput_counts) AS throughput,
        min(throughput_min_mtps) AS throughput_min, max(throughput_max_mtps) AS throughput_max
    FROM step_rows FINAL
    WHERE minute >= {from:DateTime('UTC')} AND minute < {to:DateTime('UTC')}
    GROUP BY model, provider, quantization, place
);

-- What the router saw at a moment: the windows that ended with the whole minute before it.
CREATE VIEW IF NOT EXISTS endpoints_at @ON_CLUSTER@ AS
SELECT * FROM endpoint_windows WHERE ending = toStartOfMinute({at:DateTime('UTC')});

-- Endpoints by uptime in their newest window of the last 5 minutes, the worst first.
CREATE VIEW IF NOT EXISTS worst_endpoints @ON_CLUSTER@ AS
SELECT
    model, provider, quantization, status, uptime_30m, uptime_30m_n, success_30m,
    rate_limited_30m, latency_p95_ms, throughput_p95_tps, ending
FROM (
    SELECT * FROM endpoint_windows
    WHERE ending > now('UTC') - INTERVAL 5 MINUTE AND region = 'global'
    ORDER BY ending DESC LIMIT 1 BY model, provider, quantization
)
WHERE uptime_30m_n >= 20
ORDER BY uptime_30m, model, provider, quantization;
