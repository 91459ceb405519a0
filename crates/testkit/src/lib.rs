//! Contract suites, seeded traffic with known truth, test doubles
