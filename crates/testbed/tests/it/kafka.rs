//! A broker of its own.

use std::net::TcpStream;

use sextant_testbed::kafka::Kafka;

#[test]
fn a_broker_starts_and_is_there_again_after_a_kill() {
    let mut kafka = Kafka::start().unwrap();
    let reached = |kafka: &Kafka| TcpStream::connect(kafka.address()).is_ok();
    assert!(reached(&kafka));
    kafka.kill().unwrap();
    assert!(!reached(&kafka));
    kafka.start_again().unwrap();
    assert!(reached(&kafka));
}
