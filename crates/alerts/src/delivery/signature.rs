//! Signatures by which a receiver knows that a message is ours, as Standard Webhooks 1.0.0 has them
//! (HMAC-SHA256, `v1`; <https://www.standardwebhooks.com>).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::{digest, hmac};

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The smallest and the largest secret, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Makers of secrets leave the padding or not.
const SECRETS: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Bytes of a message's name, of which no two messages have the same.
const ID_BYTES: usize = 24;

/// Signs messages.
#[derive(Clone)]
pub(super) struct Signer(hmac::Key);

impl Signer {
    /// Reads `whsec_` and 24 to 64 bytes in base64.
    ///
    /// # Errors
    /// Why it is none, without what it says.
    pub(super) fn parse(secret: &str) -> Result<Self, &'static str> {
        let encoded = secret.strip_prefix(PREFIX);
        let encoded = encoded.ok_or("holds a secret that does not begin with whsec_")?;
        let bytes = SECRETS.decode(encoded);
        let bytes = bytes.map_err(|_| "holds a secret that is no base64 behind whsec_")?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err("holds a secret that has not 24 to 64 bytes");
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of `webhook-signature`. `timestamp` is in whole seconds since the Unix epoch.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

/// A message's name, the same each time that it is sent: made of what it is about, without the full
/// stop that a signature's parts are joined by.
pub(super) fn message_id(about: &str) -> String {
    let hash = digest::digest(&digest::SHA256, about.as_bytes());
    let beginning = hash.as_ref().get(..ID_BYTES).unwrap_or_default();
    format!("msg_{}", URL_SAFE_NO_PAD.encode(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_reference_implementations_is_signed_as_there() {
        let signer = Signer::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for secret in [of(24), of(25), of(64), of(25).replace('=', "")] {
            assert!(Signer::parse(&secret).is_ok(), "{secret}");
        }
        for secret in [
            of(23),
            of(65),
            of(24).replace("whsec_", ""),
            "whsec_?".into(),
        ] {
            let why = Signer::parse(&secret).unwrap_err();
            assert!(!why.contains(&secret), "{why}");
        }
        assert_eq!(format!("{:?}", Signer::parse(&of(24)).unwrap()), "Signer");
    }

    #[test]
    fn messages_about_other_things_have_other_names_without_a_full_stop() {
        let one = message_id("r/endpoint/a/m-1.5/p/fp8@1/opened");
        assert_eq!(one, message_id("r/endpoint/a/m-1.5/p/fp8@1/opened"));
        assert_ne!(one, message_id("r/endpoint/a/m-1.5/p/fp8@1/closed"));
        assert!(one.len() == 36 && !one.contains('.'), "{one}");
    }
}
