//! Which hosts and addresses may be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an environment's policy says about hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRule {
    allow: Option<Vec<String>>,
    deny_private: bool,
}

impl HostRule {
    /// A rule. `allow` are names of hosts, `*.example.org` stands for all below it, and nothing
    /// allows all. `deny_private` refuses addresses that are not the public internet's.
    pub fn new(allow: Option<&[String]>, deny_private: bool) -> Self {
        let plain = |name: &String| {
            let name = name.to_ascii_lowercase();
            let name = name.strip_suffix('.').unwrap_or(&name);
            name.trim_matches(['[', ']']).to_owned()
        };
        Self {
            allow: allow.map(|names| names.iter().map(plain).collect()),
            deny_private,
        }
    }

    /// Whether addresses are looked at.
    pub fn denies_private(&self) -> bool {
        self.deny_private
    }

    /// Whether a host may be asked, by its name in lower case.
    pub fn allows(&self, host: &str) -> bool {
        let Some(allow) = &self.allow else {
            return true;
        };
        allow.iter().any(|name| match name.strip_prefix("*.") {
            // An address has no subdomains, whatever it looks like.
            Some(domain) => {
                host.parse::<IpAddr>().is_err()
                    && host
                        .strip_suffix(domain)
                        .is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
            None => name == host,
        })
    }

    /// What kind of address this is, where it may not be asked: `a link-local address`.
    pub fn refuses(&self, address: IpAddr) -> Option<&'static str> {
        self.deny_private.then(|| private(address)).flatten()
    }
}

/// What an address is, where it is not one of the public internet.
fn private(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => private_v4(v4),
        IpAddr::V6(v6) => private_v6(v6),
    }
}

/// By IANA's registry of special-purpose IPv4 addresses.
fn private_v4(v4: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = v4.octets();
    match (a, b, c) {
        (127, ..) => Some("a loopback address"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("a private address"),
        (169, 254, _) => Some("a link-local address, where clouds keep their metadata"),
        (100, 64..=127, _) => Some("a shared address behind a carrier's NAT"),
        (0, ..) => Some("an address of this host"),
        (224..=239, ..) => Some("a multicast address"),
        (240..=255, ..)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Some("a reserved address"),
        _ => None,
    }
}

/// Of IPv6 only what is given out for the internet (2000::/3) counts as public, and of that nothing
/// that carries an IPv4 address inside which would not.
fn private_v6(v6: Ipv6Addr) -> Option<&'static str> {
    let s = v6.segments();
    let inside = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an address of this host"),
        // Mapped, compatible, translated, and NAT64's well-known prefix.
        [0, 0, 0, 0, 0, 0 | 0xffff, h, l]
        | [0, 0, 0, 0, 0xffff, 0, h, l]
        | [0x64, 0xff9b, 0, 0, 0, 0, h, l] => inside(h, l),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some("a private address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2002, h, l, ..] => inside(h, l),
        // Teredo hides an IPv4 address, 2001:db8::/32 is for books, the rest of 2001::/23 is special.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("a reserved address"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: &[&str]) -> HostRule {
        let allow: Vec<String> = allow.iter().map(|name| (*name).to_owned()).collect();
        HostRule::new(Some(&allow), true)
    }

    #[test]
    fn threat_46_names_are_allowed_one_by_one_or_by_domain() {
        let rule = rule(&["Flags.example.org.", "*.internal.example", "[::1]"]);
        for host in [
            "flags.example.org",
            "a.internal.example",
            "b.a.internal.example",
            "::1",
        ] {
            assert!(rule.allows(host), "{host}");
        }
        for host in [
            "example.org",
            "x.flags.example.org",
            "internal.example",
            ".internal.example",
            "evilinternal.example",
            "flags.example.org.evil.net",
            "127.0.0.1",
        ] {
            assert!(!rule.allows(host), "{host}");
        }
        assert!(!self::rule(&[]).allows("a"));
        assert!(HostRule::default().allows("anything"));
        assert!(!self::rule(&["*.1"]).allows("10.0.0.1"));
    }

    #[test]
    fn threat_46_metadata_and_private_addresses_are_known_in_every_form() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "192.0.0.192",
            "::",
            "::1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:0:10.0.0.1",
            "100::1",
            "5f00::1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert!(private(address).is_some(), "{address}");
            assert_eq!(HostRule::default().refuses(address), None);
        }
        for address in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "169.253.1.1",
            "192.167.1.1",
            "11.0.0.1",
            "223.255.255.1",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:1.1.1.1",
            "2002:101:101::1",
            "64:ff9b::101:101",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(private(address), None, "{address}");
        }
    }
}
