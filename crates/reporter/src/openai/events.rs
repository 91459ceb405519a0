//! Server-sent events, from bytes as they come.
//!
//! Format: <https://html.spec.whatwg.org/multipage/server-sent-events.html>, of which only the data
//! is wanted: names, ids and comments are passed over, and comments are what keep-alives are.

/// The longest event that is looked into; a longer one is passed over.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// Splits a stream into the data of its events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Of the line that has not ended.
    line: Vec<u8>,
    /// Of the event that has not ended.
    data: Vec<u8>,
    has_data: bool,
    is_too_long: bool,
    /// The last byte was a carriage return, so that a line feed now belongs to it.
    after_return: bool,
}

impl Events {
    /// Takes bytes, and gives the data of each event that they end.
    pub(super) fn feed(&mut self, bytes: &[u8], mut event: impl FnMut(&[u8])) {
        for byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    self.end_line(&mut event);
                }
                byte => {
                    self.after_return = false;
                    if self.line.len() < EVENT_BYTES_MAX {
                        self.line.push(*byte);
                    } else {
                        self.is_too_long = true;
                    }
                }
            }
        }
    }

    fn end_line(&mut self, event: &mut impl FnMut(&[u8])) {
        if self.line.is_empty() {
            if self.has_data && !self.is_too_long {
                event(&self.data);
            }
            self.data.clear();
            (self.has_data, self.is_too_long) = (false, false);
            return;
        }
        if let Some(data) = data_of(&self.line) {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            if self.data.len() + data.len() <= EVENT_BYTES_MAX {
                self.data.extend_from_slice(data);
            } else {
                self.is_too_long = true;
            }
        }
        self.line.clear();
    }
}

/// What a line of data holds.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    match rest.split_first() {
        None => Some(rest),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let (mut events, mut found) = (Events::default(), Vec::new());
        for piece in pieces {
            events.feed(piece, |data| {
                found.push(String::from_utf8(data.to_vec()).unwrap());
            });
        }
        found
    }

    const TEXT: &[u8] = b": keep-alive\n\nevent: x\ndata: {\"a\":1}\nid: 7\n\n:\r\ndata:one\r\n\
                          data: two\r\n\r\ndata\n\ndatum: no\n\ndata: [DONE]\n\ndata: cut short";

    #[test]
    fn only_the_data_of_whole_events_is_given() {
        let found = events(&[TEXT]);
        assert_eq!(found, ["{\"a\":1}", "one\ntwo", "", "[DONE]"]);
    }

    #[test]
    fn an_event_without_bounds_is_passed_over_and_the_next_one_is_not() {
        let long = [b"data: ".as_slice(), &vec![b'x'; 3 << 20], b"\n\n"].concat();
        assert_eq!(events(&[&long, b"data: next\n\n"]), ["next"]);
        let many = b"data: 0123456789\n".repeat(200_000);
        assert_eq!(events(&[&many, b"\ndata: next\n\n"]), ["next"]);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(mut cuts in prop::collection::vec(0..TEXT.len(), 0..20)) {
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&TEXT[from..cut]);
                from = cut;
            }
            pieces.push(&TEXT[from..]);
            prop_assert_eq!(events(&pieces), events(&[TEXT]));
        }
    }
}
