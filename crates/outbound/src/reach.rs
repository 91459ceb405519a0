//! Which addresses may be asked.
//!
//! Whoever names a place in a configuration need not be who answers for the network that the process
//! is in. A name is therefore resolved once, what it leads to is checked, and the connection goes to
//! what was checked: a name that leads elsewhere a moment later changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::OutboundError;

/// Which addresses may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All.
    Anywhere,
    /// Those of the public internet: none of this host, of its networks, or of what clouds put beside
    /// a host, as 169.254.169.254. A name must lead to nothing else.
    PublicOnly,
}

impl Reach {
    /// Checks what a host was found at.
    ///
    /// # Errors
    /// [`OutboundError::NotPublic`] with the first address that may not be asked.
    pub(crate) fn check(self, host: &str, found: &[SocketAddr]) -> Result<(), OutboundError> {
        let refused = match self {
            Self::Anywhere => None,
            Self::PublicOnly => found.iter().find(|it| !is_public(it.ip())),
        };
        refused.map_or(Ok(()), |address| {
            Err(OutboundError::NotPublic {
                host: host.to_owned(),
                address: address.ip(),
            })
        })
    }
}

/// Whether an address is reachable from anywhere, by IANA's registries of special-purpose addresses
/// (RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This host and its networks, loopback, multicast and all above.
        (0 | 10 | 127 | 224.., ..)
        // Between a provider's customers and its NAT.
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        | (192, 168, _)
        // Protocol assignments, documentation, what was 6to4's relay, benchmarks.
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = embedded(address) {
        return is_public_v4(v4);
    }
    match address.segments() {
        // Protocol assignments with Teredo and ORCHID, documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that is handed out as global unicast.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// The IPv4 address that stands in one of IPv6: mapped, or for a translator (RFC 6052).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let is_translated = matches!(address.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..]);
    let [.., a, b, c, d] = address.octets();
    let translated = is_translated.then(|| Ipv4Addr::new(a, b, c, d));
    address.to_ipv4_mapped().or(translated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hosts_networks_and_clouds_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_that_anyone_can_reach_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "192.169.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "203.0.112.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "3000::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_name_that_leads_to_one_address_that_is_not_public_is_refused() {
        let found: Vec<_> = ["1.1.1.1:443", "[::1]:443", "10.0.0.1:443"]
            .map(|text| text.parse().unwrap())
            .into();
        let refused = Reach::PublicOnly.check("example.com", &found).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "example.com is at ::1, which is no public address"
        );
        assert!(Reach::Anywhere.check("example.com", &found).is_ok());
        assert!(Reach::PublicOnly.check("example.com", &found[..1]).is_ok());
    }
}
