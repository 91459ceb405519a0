//! The headers that name a batch: all three or none.

use http::{HeaderMap, HeaderName};
use sextant_measure::id::AgentId;
use sextant_wire::identity::Identity;

const AGENT: HeaderName = HeaderName::from_static("sextant-agent");
const EPOCH: HeaderName = HeaderName::from_static("sextant-epoch");
const SEQUENCE: HeaderName = HeaderName::from_static("sextant-sequence");

/// The identity that the headers give, if they give one; else what is wrong with them.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Identity>, String> {
    let [agent, epoch, sequence] = [
        text(headers, &AGENT)?,
        text(headers, &EPOCH)?,
        text(headers, &SEQUENCE)?,
    ];
    match (agent, epoch, sequence) {
        (None, None, None) => Ok(None),
        (Some(agent), Some(epoch), Some(sequence)) => Ok(Some(Identity {
            agent: AgentId::new(agent).map_err(|error| format!("Sextant-Agent: {error}"))?,
            epoch: number("Sextant-Epoch", epoch)?,
            sequence: number("Sextant-Sequence", sequence)?,
        })),
        _ => Err(
            "Sextant-Agent, Sextant-Epoch and Sextant-Sequence come together or not at all"
                .to_owned(),
        ),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(format!("{name}: given more than once"));
    }
    let text = value.map(|value| std::str::from_utf8(value.as_bytes()));
    text.transpose().map_err(|_| format!("{name}: not UTF-8"))
}

/// Digits alone: no sign, no spaces.
fn number(name: &str, text: &str) -> Result<u64, String> {
    let number = text
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse());
    let number = number.and_then(Result::ok);
    number.ok_or_else(|| format!("{name}: must be a decimal number of 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&HeaderName, &str)]) -> Result<Option<Identity>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        of(&headers)
    }

    #[test]
    fn three_headers_are_an_identity_and_none_is_none() {
        let most = u64::MAX.to_string();
        let identity = read(&[(&AGENT, "gateway é 1"), (&EPOCH, &most), (&SEQUENCE, "0")]);
        let identity = identity.unwrap().unwrap();
        assert_eq!(identity.agent.as_str(), "gateway é 1");
        assert_eq!((identity.epoch, identity.sequence), (u64::MAX, 0));
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn anything_between_is_refused_by_name() {
        let long = "x".repeat(129);
        for (pairs, named) in [
            (vec![(&AGENT, "a")], "together"),
            (vec![(&EPOCH, "1"), (&SEQUENCE, "1")], "together"),
            (vec![(&AGENT, ""), (&EPOCH, "1"), (&SEQUENCE, "1")], "Agent"),
            (
                vec![(&AGENT, &long), (&EPOCH, "1"), (&SEQUENCE, "1")],
                "Agent",
            ),
            (
                vec![(&AGENT, "a"), (&EPOCH, "+1"), (&SEQUENCE, "1")],
                "Epoch",
            ),
            (
                vec![(&AGENT, "a"), (&EPOCH, "1"), (&SEQUENCE, "")],
                "Sequence",
            ),
            (
                vec![(&AGENT, "a"), (&EPOCH, "1"), (&SEQUENCE, "1e3")],
                "Sequence",
            ),
            (
                vec![
                    (&AGENT, "a"),
                    (&EPOCH, "18446744073709551616"),
                    (&SEQUENCE, "1"),
                ],
                "Epoch",
            ),
            (
                vec![(&AGENT, "a"), (&AGENT, "b"), (&EPOCH, "1")],
                "more than once",
            ),
        ] {
            let message = read(&pairs).unwrap_err();
            assert!(message.contains(named), "{pairs:?}: {message}");
        }
    }
}
