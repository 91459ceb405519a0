//! What can be wrong with how a gateway is set up, and with the file it has kept.

use std::io;
use std::path::PathBuf;

use sextant_wire::DecodeError;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Nobody to follow.
    #[error("no server is named")]
    NoServer,
    /// Not the address of a server.
    #[error("{server:?} is no server: {reason}; give grpc://host:port")]
    Server {
        /// What was given.
        server: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The token can't stand in a header.
    #[error("the token holds what a header can't")]
    Token,
    /// The file would have no folder to stand in.
    #[error("the snapshot can't be kept in {file}: {source}", file = .file.display())]
    File {
        /// Where it was to be.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Why what was kept can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It was kept while other models were followed.
    #[error("it is of other models than those that are followed now")]
    OtherModels,
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Something else.
    #[error("it is not a snapshot")]
    NotOne,
    /// Written by another version of this library.
    #[error("it is of format {found}, and this version reads {reads}")]
    Format {
        /// What stands in it.
        found: u8,
        /// What can be read.
        reads: u8,
    },
    /// Not all of it was written.
    #[error("it is cut short: {found} of {whole} bytes are there")]
    CutShort {
        /// Bytes there.
        found: u64,
        /// Bytes that were to be.
        whole: u64,
    },
    /// Not what was written.
    #[error("it is damaged")]
    Damaged,
    /// What was written is no snapshot.
    #[error("what it holds can't be decoded: {0}")]
    Undecodable(#[from] DecodeError),
}
