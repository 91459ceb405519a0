//! Server-sent events, from bytes as they come.
//!
//! Format: <https://html.spec.whatwg.org/multipage/server-sent-events.html>, of which only the data
//! is wanted, and the name of errors: other names, ids and comments are passed over, and comments are
//! what keep-alives are.

/// The longest event that is looked into; a longer one is passed over.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// An event as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event<'d> {
    pub(super) data: &'d [u8],
    /// Whether its name says that it is an error, as some do whose data doesn't.
    pub(super) is_error: bool,
}

/// Splits a stream into its events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Of the line that has not ended.
    line: Vec<u8>,
    /// Of the event that has not ended.
    data: Vec<u8>,
    /// How many lines that is.
    data_lines: usize,
    is_too_long: bool,
    is_error: bool,
    /// The last byte was a carriage return, so that a line feed now belongs to it.
    after_return: bool,
}

impl Events {
    /// Takes bytes, and gives each event that they end.
    pub(super) fn feed(&mut self, bytes: &[u8], mut event: impl FnMut(Event<'_>)) {
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

    fn end_line(&mut self, event: &mut impl FnMut(Event<'_>)) {
        if self.line.is_empty() {
            if self.data_lines > 0 && !self.is_too_long {
                event(Event {
                    data: &self.data,
                    is_error: self.is_error,
                });
            }
            self.data.clear();
            self.data_lines = 0;
            (self.is_too_long, self.is_error) = (false, false);
            return;
        }
        if let Some(name) = value_of(b"event", &self.line) {
            self.is_error = name == b"error";
        } else if let Some(data) = value_of(b"data", &self.line) {
            if self.data_lines > 0 {
                self.data.push(b'\n');
            }
            self.data_lines = self.data_lines.saturating_add(1);
            if self.data.len() + data.len() <= EVENT_BYTES_MAX {
                self.data.extend_from_slice(data);
            } else {
                self.is_too_long = true;
            }
        }
        self.line.clear();
    }
}

/// What a line holds, if it is one of this field.
fn value_of<'l>(field: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let rest = line.strip_prefix(field)?;
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
            events.feed(piece, |event| {
                let mark = if event.is_error { "error: " } else { "" };
                let data = String::from_utf8(event.data.to_vec()).unwrap();
                found.push(format!("{mark}{data}"));
            });
        }
        found
    }

    const TEXT: &[u8] = b": keep-alive\n\nevent: x\ndata: {\"a\":1}\nid: 7\n\n:\r\ndata:one\r\n\
                          data: two\r\n\r\ndata\n\ndatum: no\n\nevent: error\ndata: bad\n\n\
                          event:error\nevent: x\ndata: good\n\nevent: error\n\ndata: [DONE]\n\ndata: cut short";

    #[test]
    fn only_whole_events_with_data_are_given_and_those_named_errors_are_told() {
        let found = events(&[TEXT]);
        let expected = ["{\"a\":1}", "one\ntwo", "", "error: bad", "good", "[DONE]"];
        assert_eq!(found, expected);
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
