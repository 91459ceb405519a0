//! What gateways and people pull: gRPC and HTTP
