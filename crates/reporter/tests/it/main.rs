//! A sender against targets that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod answers;
mod attempts;
mod batching;
mod collector;
mod courier;
mod failover;
mod fake;
mod grpc;
mod grpc_server;
mod http;
mod http_server;
mod kit;
mod outages;
mod replay;
mod schedules;
mod vital_signs;
