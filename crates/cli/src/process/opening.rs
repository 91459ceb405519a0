//! A process that does not have its log and its store yet: it says what it waits for, and its
//! routes become all of them once it has.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use sextant_measure::time::Timestamp;
use sextant_server::health::{self, Check, Health, LoopAge};
use tonic::service::Routes;
use tower::ServiceExt as _;

use super::exposition::{self, Shared};
use super::grpc_health::GrpcHealth;
use crate::refused;

/// When to call again.
const STARTING_RETRY: Duration = Duration::from_secs(1);

/// What a process waits for.
#[derive(Default)]
pub(super) struct Opening(Mutex<String>);

impl Opening {
    pub(super) fn waits_for(&self, what: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }
}

impl Check for Opening {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        Vec::new()
    }

    fn missing(&self, _: Timestamp) -> Vec<String> {
        let waits_for = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        vec![waits_for.clone()]
    }
}

/// Routes that are replaced, once.
#[derive(Clone)]
pub(super) struct Door {
    early: Router,
    all: Arc<OnceLock<Router>>,
}

impl Door {
    /// Health and metrics; whatever else is asked for is answered as `/readyz` is.
    pub(super) fn http(health: Arc<Health>, registry: &Shared) -> Self {
        let probes = health::starting(health);
        Self::before(exposition::router(registry).fallback_service(probes))
    }

    /// Health; whatever else is called is unavailable.
    pub(super) fn grpc(health: &GrpcHealth) -> Self {
        let routes = Routes::new(health.service()).prepare().into_axum_router();
        let unavailable = async || {
            let message = "the process is starting; try again";
            refused::unavailable("STARTING", message, STARTING_RETRY).into_http::<Body>()
        };
        Self::before(routes.fallback(unavailable))
    }

    fn before(early: Router) -> Self {
        Self {
            early,
            all: Arc::default(),
        }
    }

    /// What to serve: the early routes, until there are others.
    pub(super) fn routes(&self) -> Router {
        let door = self.clone();
        Router::new().fallback(move |request: Request| {
            let routes = door.all.get().unwrap_or(&door.early).clone();
            async move { routes.oneshot(request).await }
        })
    }

    /// From the next request on, these are served.
    pub(super) fn open(&self, routes: Router) {
        // Only the first time counts, and there is no second.
        drop(self.all.set(routes));
    }
}
