//! Content codings of what many readers share, so that it is compressed once and not for each.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue, Request, Response};
use tower::{ServiceExt as _, service_fn};
use tower_http::compression::Compression;
use tower_http::compression::predicate::SizeAbove;

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// What the client would rather have, of those that it names (RFC 9110, section 12.5.3). What
    /// else it accepts is left to the layer around all routes.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let weight = |coding: Self| {
            let lists = headers.get_all(ACCEPT_ENCODING).iter();
            let named = lists
                .filter_map(|list| list.to_str().ok())
                .flat_map(|list| list.split(','));
            named
                .filter_map(|named| weight(named, coding.name()))
                .fold(None, |most: Option<f32>, weight| {
                    Some(most.map_or(weight, |most| most.max(weight)))
                })
        };
        let plain = weight(Self::Identity).unwrap_or(0.0);
        let (zstd, gzip) = (weight(Self::Zstd), weight(Self::Gzip));
        let is_wanted = |weight: Option<f32>| weight.filter(|w| *w > 0.0 && *w >= plain);
        match (is_wanted(zstd), is_wanted(gzip)) {
            (Some(zstd), Some(gzip)) if gzip > zstd => Self::Gzip,
            (Some(_), _) => Self::Zstd,
            (None, Some(_)) => Self::Gzip,
            (None, None) => Self::Identity,
        }
    }

    /// As it stands in `Content-Encoding`, and is absent there for [`Coding::Identity`].
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Codes a body. It takes as long as that takes, so it is for threads that may be held up.
    ///
    /// # Errors
    /// None that bytes could cause.
    pub(crate) async fn apply(self, plain: Bytes) -> io::Result<Bytes> {
        if self == Self::Identity {
            return Ok(plain);
        }
        let body = service_fn(|_: Request<Body>| {
            let answer = Response::new(Body::from(plain.clone()));
            async { Ok::<_, Infallible>(answer) }
        });
        let mut request = Request::new(Body::empty());
        let accepted = HeaderValue::from_static(self.name());
        request.headers_mut().insert(ACCEPT_ENCODING, accepted);
        let compression = Compression::new(body).compress_when(SizeAbove::new(0));
        let Ok(coded) = compression.oneshot(request).await;
        let body = to_bytes(Body::new(coded.into_body()), usize::MAX).await;
        body.map_err(io::Error::other)
    }
}

/// The weight of one element of the list, if it names the coding; 1 unless it says another.
fn weight(element: &str, coding: &str) -> Option<f32> {
    let mut parts = element.split(';').map(str::trim);
    parts.next().filter(|n| n.eq_ignore_ascii_case(coding))?;
    let stated = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    stated.map_or(Some(1.0), |stated| stated.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(value: &str) -> Coding {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
        Coding::accepted(&headers)
    }

    #[test]
    fn the_heaviest_that_is_named_is_used() {
        for (value, wanted) in [
            ("gzip, deflate, br, zstd", Coding::Zstd),
            ("gzip", Coding::Gzip),
            ("GZIP;Q=0.8", Coding::Gzip),
            ("zstd;q=0.2, gzip ; q=0.5", Coding::Gzip),
            ("zstd;q=0, gzip", Coding::Gzip),
            ("gzip;q=0.5, identity", Coding::Identity),
            ("gzip;q=x", Coding::Identity),
            ("zstd;q=0", Coding::Identity),
            ("*", Coding::Identity),
            ("br", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(accepted(value), wanted, "{value}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()), Coding::Identity);
    }

    #[tokio::test]
    async fn a_body_is_coded_however_short_it_is() {
        let plain = Bytes::from_static(b"{}");
        for (coding, magic) in [
            (Coding::Identity, &b"{}"[..]),
            (Coding::Gzip, &[0x1f, 0x8b]),
            (Coding::Zstd, &[0x28, 0xb5, 0x2f, 0xfd]),
        ] {
            let coded = coding.apply(plain.clone()).await.unwrap();
            assert!(coded.starts_with(magic), "{coding:?}");
        }
    }
}
