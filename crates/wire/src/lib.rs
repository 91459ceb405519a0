//! The protocol: protobuf to values and back
