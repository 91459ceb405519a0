//! What a watch says, as far as it has to be read to know which edition it is: a load generator that
//! decoded every row would measure itself.
//!
//! A message begins with its kind (`WatchSnapshotResponse`), that with its header, and that with its
//! version and the time at which it was made.

use bytes::Buf;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Field numbers with their wire types, as bytes.
const FULL: u8 = 0x0a;
const DELTA: u8 = 0x12;
const HEADER: u8 = 0x0a;
const VERSION: u8 = 0x0a;
const GENERATED_AT: u8 = 0x10;

/// A message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// When its edition was made, in microseconds since the Unix epoch; nothing of a heartbeat.
    pub(crate) edition_at_us: Option<i64>,
    pub(crate) bytes: u64,
}

/// Asks for everything, and reads what is told.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = ();
    type Decode = Told;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = ();
    type Error = Status;

    /// A request for all models with no version has no bytes.
    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Told;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Told>, Status> {
        let bytes = source.remaining();
        let edition_at_us = made_at_us(source.chunk());
        source.advance(bytes);
        Ok(Some(Told {
            edition_at_us,
            bytes: bytes as u64,
        }))
    }
}

fn made_at_us(mut rest: &[u8]) -> Option<i64> {
    if ![FULL, DELTA].contains(&take(&mut rest)?) {
        return None;
    }
    varint(&mut rest)?;
    (take(&mut rest)? == HEADER).then_some(())?;
    varint(&mut rest)?;
    (take(&mut rest)? == VERSION).then_some(())?;
    let version_bytes = varint(&mut rest)?;
    rest = rest.get(usize::try_from(version_bytes).ok()?..)?;
    (take(&mut rest)? == GENERATED_AT).then_some(())?;
    i64::try_from(varint(&mut rest)?).ok()
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    Some(*first)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = take(rest)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
