//! How a process is put together.
//!
//! - [`args`], [`environment`]: what the process was told when it began. Nothing else reads them.
//! - [`config`]: the settings in force and where each comes from, or all that is wrong with them.
//! - [`clock`]: the one real clock.
//! - [`access`]: who may call what, in one place for gRPC and HTTP.
//! - [`listen`]: connections, bounded in number and in time.
//! - [`shutdown`]: how a process ends, in order and within its deadline.
//! - `process`: the stages of a role, wired over its log and store. [`demo`]: simulated providers.
//! - `refused`: how a caller is told that it was refused, in its own protocol.
//! - [`telemetry`]: one event, one line, on standard error.
//! - [`commands`]: what each subcommand does; [`exit`], [`output`], [`table`]: how it says so.
//!
//! What is absent: measuring, keeping and serving, which are the stages' own.

pub mod access;
pub mod args;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod environment;
pub mod escape;
pub mod exit;
pub mod fetch;
pub mod listen;
pub mod output;
mod process;
mod refused;
pub mod shutdown;
pub mod table;
pub mod telemetry;
