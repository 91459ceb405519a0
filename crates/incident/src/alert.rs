//! A rule about a subject.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{IncidentError, Subject};

const NAME_BYTES_MAX: usize = 64;

/// What a rule is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleName(Arc<str>);

/// Which rule, and about what. The text form is `rule/subject`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    /// Which rule.
    pub rule: RuleName,
    /// About what.
    pub subject: Subject,
}

impl RuleName {
    /// Checks the text and keeps it.
    ///
    /// # Errors
    /// [`IncidentError::RuleName`].
    pub fn new(text: &str) -> Result<Self, IncidentError> {
        let is_name = (1..=NAME_BYTES_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        if is_name {
            Ok(Self(Arc::from(text)))
        } else {
            Err(IncidentError::RuleName)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for RuleName {
    type Err = IncidentError;

    fn from_str(text: &str) -> Result<Self, IncidentError> {
        Self::new(text)
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.rule, self.subject)
    }
}

impl FromStr for AlertKey {
    type Err = IncidentError;

    fn from_str(text: &str) -> Result<Self, IncidentError> {
        let (rule, subject) = text.split_once('/').ok_or(IncidentError::Alert)?;
        Ok(Self {
            rule: rule.parse()?,
            subject: subject.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_reads_back() {
        for text in [
            "uptime-page/endpoint/meta-llama/llama-4-scout/groq/fp8",
            "uptime_page/provider/groq",
            "silent/agent/edge/with/slashes",
            "observer/fleet",
        ] {
            let key: AlertKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_alert_is_refused() {
        let long = format!("{}/fleet", "a".repeat(65));
        for (text, error) in [
            ("", IncidentError::Alert),
            ("fleet", IncidentError::Alert),
            ("Upper/fleet", IncidentError::RuleName),
            ("/fleet", IncidentError::RuleName),
            (&*long, IncidentError::RuleName),
            ("r/nothing", IncidentError::Subject),
        ] {
            assert_eq!(text.parse::<AlertKey>(), Err(error), "{text}");
        }
    }
}
