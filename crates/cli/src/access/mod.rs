//! Who may call what, in one place for gRPC and HTTP.
//!
//! Every route and call has a class in [`class::ROUTES`], and what has none is refused. A token
//! is good for the classes that its line in the token file names. Without a token file everyone
//! may do everything, which is why the settings then allow only loopback addresses.
//!
//! A browser can't show a bearer token when somebody opens a page, so for what only reads it may be
//! shown as the password of HTTP's basic scheme (RFC 7617), whatever the user's name.
//!
//! A [`Guard`] stands before a router, the one of axum and the one of tonic alike, and tells the
//! stages behind it who calls: a [`PeerKey`] and a [`Caller`] among the request's extensions.

pub mod class;
mod refusal;
#[cfg(test)]
mod tests;
pub mod tokens;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::AUTHORIZATION;
use http::request::Parts;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use sextant_intake::PeerKey;
use sextant_server::Caller;

pub use self::class::{Class, class_of};
pub use self::tokens::{Holder, Tokens};

use self::refusal::Refusal;

/// Who may call what.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everyone may call everything that has a class.
    Open,
    /// Who shows one of these may call what it is good for.
    Tokens(Arc<Tokens>),
}

/// Lets in who may, and counts who may not. Clones share both.
#[derive(Debug, Clone)]
pub struct Guard {
    access: Arc<ArcSwap<Access>>,
    /// What this process itself shows when it reports to itself.
    own: Arc<Holder>,
    refused: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Guard {
    /// Goes by this, and counts in the registry.
    pub fn new(access: Access, registry: &mut Registry) -> Self {
        let refused = Family::<[(&str, &str); 1], Counter>::default();
        // What has never happened is nought, not unknown.
        for reason in refusal::NAMES {
            refused.get_or_create(&[("reason", reason)]).inc_by(0);
        }
        let help = "Requests refused before any stage saw them, by reason";
        registry.register("sextant_access_refused_requests", help, refused.clone());
        Self {
            access: Arc::new(ArcSwap::from_pointee(access)),
            own: Arc::new(Holder::own()),
            refused,
        }
    }

    /// Puts the check in front of all routes, the fallback too.
    pub fn before(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), check))
    }

    /// The token by which this process reports to itself. It is drawn at each start, and good for
    /// nothing else.
    pub fn own_token(&self) -> &SecretString {
        self.own.token()
    }

    /// Goes by these tokens from the next request on.
    pub fn replace(&self, tokens: Arc<Tokens>) {
        self.access.store(Arc::new(Access::Tokens(tokens)));
    }
}

async fn check(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let admitted = guard.access.load().admit(&parts, &guard.own);
    match admitted {
        Ok(peer) => {
            request = Request::from_parts(parts, body);
            request.extensions_mut().insert(caller(&peer));
            request.extensions_mut().insert(peer);
            next.run(request).await
        }
        Err(refusal) => {
            let label = [("reason", refusal.name())];
            guard.refused.get_or_create(&label).inc();
            refusal.answer(&parts)
        }
    }
}

impl Access {
    /// Who calls, if they may.
    fn admit(&self, request: &Parts, own: &Holder) -> Result<PeerKey, Refusal> {
        let Some(class) = class_of(&request.method, request.uri.path()) else {
            return Err(class::other_methods(request.uri.path()));
        };
        let Self::Tokens(tokens) = self else {
            return Ok(address(request));
        };
        if class == Class::Public {
            return Ok(address(request));
        }
        let shown = shown(request, class).ok_or(Refusal::NoToken)?;
        let holder = tokens.holder(&shown);
        let holder = holder.or_else(|| own.is_shown_by(&shown).then_some(own));
        let holder = holder.ok_or(Refusal::UnknownToken)?;
        if holder.may(class) {
            Ok(PeerKey::Token(Arc::clone(holder.name())))
        } else {
            Err(Refusal::NotAllowed {
                name: Arc::clone(holder.name()),
                class,
            })
        }
    }
}

fn address(request: &Parts) -> PeerKey {
    let connection = request.extensions.get::<ConnectInfo<SocketAddr>>();
    connection.map_or(PeerKey::Local, |info| PeerKey::of_address(info.0.ip()))
}

/// The same for the server, which knows nothing of the collector.
fn caller(peer: &PeerKey) -> Caller {
    match peer {
        PeerKey::Token(name) => Caller::Token(Arc::clone(name)),
        PeerKey::Address(address) => Caller::Address(*address),
        PeerKey::Local => Caller::Local,
    }
}

/// The token of the one `authorization` header. Of several none is to be trusted.
fn shown(request: &Parts, class: Class) -> Option<Cow<'_, str>> {
    let mut headers = request.headers.get_all(AUTHORIZATION).iter();
    let (header, more) = (headers.next()?, headers.next());
    if more.is_some() {
        return None;
    }
    let (scheme, rest) = header.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Cow::Borrowed(rest));
    }
    // A browser shows it unasked, to pages of others' making too: it must not change anything.
    let is_basic = scheme.eq_ignore_ascii_case("basic") && class == Class::Read;
    is_basic.then(|| password(rest).map(Cow::Owned))?
}

fn password(credentials: &str) -> Option<String> {
    let decoded = BASE64_STANDARD.decode(credentials).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(password.to_owned())
}
