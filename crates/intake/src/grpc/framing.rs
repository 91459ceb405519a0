//! Where messages begin and end in the body of a gRPC request: a flag of one byte, a length of
//! four, the message, and again.

/// Bytes of flag and length.
const HEAD_BYTES: u8 = 5;

/// Follows the bytes of a body as they come.
#[derive(Debug)]
pub(super) struct Framing {
    message_bytes_max: usize,
    at: At,
    unfinished: usize,
}

#[derive(Debug)]
enum At {
    Head { seen: u8, length: u32 },
    Message { left: usize },
}

/// What was found in a run of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Up to here messages are whole.
    pub(super) whole: usize,
    /// After those a length is past the largest that is taken.
    pub(super) is_too_large: bool,
}

impl Framing {
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            at: At::BEGINNING,
            unfinished: 0,
        }
    }

    /// How many bytes have come of the message that is not whole yet, its head included.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Goes on by these bytes, at most to a message that is too large.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Found {
        let (mut found, mut rest) = (Found::default(), bytes);
        while let Some((first, after)) = rest.split_first() {
            match &mut self.at {
                At::Head { seen, length } => {
                    // The flag comes first and is no part of the length.
                    if *seen > 0 {
                        *length = *length << 8 | u32::from(*first);
                    }
                    *seen += 1;
                    self.unfinished += 1;
                    rest = after;
                    if *seen == HEAD_BYTES {
                        let left = usize::try_from(*length).unwrap_or(usize::MAX);
                        self.at = At::Message { left };
                        if left > self.message_bytes_max {
                            found.is_too_large = true;
                            return found;
                        }
                    }
                }
                At::Message { left } => {
                    let taken = rest.len().min(*left);
                    *left -= taken;
                    self.unfinished += taken;
                    rest = rest.get(taken..).unwrap_or_default();
                }
            }
            if matches!(self.at, At::Message { left: 0 }) {
                (self.at, self.unfinished) = (At::BEGINNING, 0);
                found.whole = bytes.len() - rest.len();
            }
        }
        found
    }
}

impl At {
    const BEGINNING: Self = Self::Head { seen: 0, length: 0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(length.to_be_bytes());
        bytes.resize(bytes.len() + usize::try_from(length).unwrap(), 0xff);
        bytes
    }

    #[test]
    fn messages_end_at_the_same_bytes_however_these_are_cut() {
        let lengths = [0, 1, 300, 0, 7];
        let body: Vec<u8> = lengths.into_iter().flat_map(message).collect();
        let mut ends = Vec::new();
        for length in lengths {
            ends.push(ends.last().unwrap_or(&0) + message(length).len());
        }
        for size in 1..=body.len() {
            let (mut framing, mut from) = (Framing::new(300), 0);
            for chunk in body.chunks(size) {
                let to = from + chunk.len();
                let end = ends.iter().rfind(|end| (from + 1..=to).contains(end));
                let whole = end.map_or(0, |end| end - from);
                let found = framing.advance(chunk);
                assert_eq!((found.whole, found.is_too_large), (whole, false));
                let begun = ends.iter().filter(|end| **end <= to).max().unwrap_or(&0);
                assert_eq!(framing.unfinished(), to - begun, "{from}..{to}");
                from = to;
            }
        }
    }

    #[test]
    fn a_message_is_too_large_by_its_length_alone() {
        let mut framing = Framing::new(300);
        let mut bytes = message(300);
        bytes.extend([0, 0, 0, 1]);
        let whole = message(300).len();
        let expected = |whole, is_too_large| Found {
            whole,
            is_too_large,
        };
        assert_eq!(framing.advance(&bytes), expected(whole, false));
        assert_eq!(framing.advance(&[45, 0]), expected(0, true));
    }
}
