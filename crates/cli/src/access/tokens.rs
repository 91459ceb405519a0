//! The token file: `token class[,class] name` a line, `#` before what is not read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::class::Class;

/// All are compared with on each request.
const TOKENS_MAX: usize = 1_000;
/// Shorter ones can be guessed.
const TOKEN_BYTES_MIN: usize = 16;
const TOKEN_BYTES_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 64;

/// The tokens that are known, and what each is good for.
#[derive(Debug)]
pub struct Tokens(Vec<Holder>);

/// Who shows a token. Several tokens may have one name, so that one can be replaced.
pub struct Holder {
    token: SecretString,
    classes: Vec<Class>,
    name: Arc<str>,
}

/// Something wrong with a token file. It never holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenProblem {
    /// From 1; none if it is all of the file.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

impl Tokens {
    /// Reads a token file, or names all that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<TokenProblem>> {
        let mut holders = Vec::new();
        let mut problems = Vec::new();
        let mut seen = BTreeMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let read = Holder::parse(text).and_then(|holder| {
                match seen.insert(holder.token.expose_secret().to_owned(), line) {
                    None => Ok(holder),
                    Some(first) => Err(Wrong {
                        what: format!("this token is given on line {first} already"),
                        advice: "give each a token of its own",
                    }),
                }
            });
            match read {
                Ok(holder) => holders.push(holder),
                Err(Wrong { what, advice }) => problems.push(TokenProblem {
                    line: Some(line),
                    what,
                    advice,
                }),
            }
        }
        let whole = |what: String, advice| TokenProblem {
            line: None,
            what,
            advice,
        };
        if holders.len() > TOKENS_MAX {
            let what = format!("has {} tokens, more than {TOKENS_MAX}", holders.len());
            problems.push(whole(what, "share some of them"));
        }
        if holders.is_empty() && problems.is_empty() {
            let what = "has no token, so nobody could call".to_owned();
            problems.push(whole(what, "add lines `token class[,class] name`"));
        }
        if problems.is_empty() {
            Ok(Self(holders))
        } else {
            Err(problems)
        }
    }

    /// Who shows this token. How long it takes says nothing of how much of it was right.
    pub(super) fn holder(&self, shown: &str) -> Option<&Holder> {
        let mut found = u64::MAX;
        for (index, holder) in (0_u64..).zip(&self.0) {
            let token = holder.token.expose_secret().as_bytes();
            let same: Choice = token.ct_eq(shown.as_bytes());
            found.conditional_assign(&index, same);
        }
        self.0.get(usize::try_from(found).ok()?)
    }
}

impl Holder {
    fn parse(text: &str) -> Result<Self, Wrong> {
        const FORM: &str = "write `token class[,class] name`";
        let mut words = text.split_whitespace();
        let (Some(token), Some(classes), Some(name), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            let count = text.split_whitespace().count();
            return Err(Wrong::new(format!("has {count} words instead of 3"), FORM));
        };
        check_token(token)?;
        check_name(name)?;
        Ok(Self {
            token: token.into(),
            classes: classes.split(',').map(class).collect::<Result<_, _>>()?,
            name: name.into(),
        })
    }

    /// This process, for what it reports to itself.
    pub(super) fn own() -> Self {
        Self {
            token: format!("{:032x}", rand::random::<u128>()).into(),
            classes: vec![Class::Report],
            name: "itself".into(),
        }
    }

    /// Its token.
    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// Whether this is its token. How long it takes says nothing of how much of it was right.
    pub(super) fn is_shown_by(&self, shown: &str) -> bool {
        let token = self.token.expose_secret().as_bytes();
        token.ct_eq(shown.as_bytes()).into()
    }

    /// Whether it may do this.
    pub(super) fn may(&self, class: Class) -> bool {
        self.classes.contains(&class)
    }

    /// What it is called.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder")
            .field("name", &self.name)
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

struct Wrong {
    what: String,
    advice: &'static str,
}

impl Wrong {
    fn new(what: impl Into<String>, advice: &'static str) -> Self {
        Self {
            what: what.into(),
            advice,
        }
    }
}

fn check_token(token: &str) -> Result<(), Wrong> {
    const ADVICE: &str = "take a random one, as `openssl rand -hex 32` makes";
    if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) {
        let length = token.len();
        let what = format!(
            "the token has {length} characters, not {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}"
        );
        return Err(Wrong::new(what, ADVICE));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = "the token can't stand in a header";
        return Err(Wrong::new(what, ADVICE));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Wrong> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(Wrong::new(
        "the name is not plain",
        "take at most 64 of A-Z, a-z, 0-9, -, _ and .",
    ))
}

/// The word isn't repeated: in a line of another order it may be the token.
fn class(word: &str) -> Result<Class, Wrong> {
    let mut granted = Class::GRANTED.into_iter();
    granted.find(|class| class.name() == word).ok_or_else(|| {
        Wrong::new(
            "the second word holds what is not a class",
            "the classes are report, read and admin",
        )
    })
}
