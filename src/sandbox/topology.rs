//! What the simulated production is made of: services, what they need, and how much they can bear.

/// What a service needs to answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Need {
    Database,
    Service(&'static str),
    /// The payment provider.
    Provider,
    /// The maps provider, whose quota we share among several callers.
    Maps,
}

/// One service as it was built.
pub(super) struct Blueprint {
    pub(super) name: &'static str,
    pub(super) replicas: u32,
    pub(super) max_replicas: u32,
    /// Requests a second that one instance can bear.
    pub(super) capacity: f64,
    /// Requests a second on a quiet day.
    pub(super) rps: f64,
    /// Median latency on a quiet day, in milliseconds.
    pub(super) latency: f64,
    pub(super) memory_percent: f64,
    /// Its release on a quiet day.
    pub(super) release: u32,
    /// What it needs, and the share of its requests that fail when that fails.
    pub(super) needs: &'static [(Need, f64)],
}

/// The application that users mean, and that tools mean where no service is named.
pub(super) const MAIN: &str = "api";

/// All services, each after those that it needs.
pub(super) const SERVICES: [Blueprint; 7] = [
    Blueprint {
        name: "auth",
        replicas: 3,
        max_replicas: 12,
        capacity: 14.0,
        rps: 12.0,
        latency: 24.0,
        memory_percent: 44.0,
        release: 12,
        // Sessions are cached: only new logins need the database.
        needs: &[(Need::Database, 0.3)],
    },
    Blueprint {
        name: "payments",
        replicas: 3,
        max_replicas: 12,
        capacity: 5.0,
        rps: 5.0,
        latency: 180.0,
        memory_percent: 51.0,
        release: 9,
        needs: &[(Need::Database, 1.0), (Need::Provider, 1.0)],
    },
    Blueprint {
        name: "search",
        replicas: 3,
        max_replicas: 12,
        capacity: 16.0,
        rps: 15.0,
        latency: 55.0,
        memory_percent: 63.0,
        release: 21,
        needs: &[(Need::Maps, 0.4)],
    },
    Blueprint {
        name: "api",
        replicas: 4,
        max_replicas: 20,
        capacity: 28.0,
        rps: 40.0,
        latency: 42.0,
        memory_percent: 61.0,
        release: 42,
        needs: &[(Need::Database, 1.0), (Need::Service("auth"), 0.3)],
    },
    Blueprint {
        name: "checkout",
        replicas: 4,
        max_replicas: 20,
        capacity: 14.0,
        rps: 20.0,
        latency: 61.0,
        memory_percent: 55.0,
        release: 17,
        needs: &[
            (Need::Database, 1.0),
            (Need::Service("payments"), 1.0),
            (Need::Maps, 0.6),
        ],
    },
    Blueprint {
        name: "web",
        replicas: 4,
        max_replicas: 20,
        capacity: 42.0,
        rps: 60.0,
        latency: 35.0,
        memory_percent: 38.0,
        release: 30,
        needs: &[(Need::Service("api"), 0.7), (Need::Service("search"), 0.1)],
    },
    Blueprint {
        name: "worker",
        replicas: 2,
        max_replicas: 10,
        capacity: 12.0,
        rps: 8.0,
        latency: 210.0,
        memory_percent: 48.0,
        release: 8,
        needs: &[(Need::Database, 1.0)],
    },
];

/// The feature flags: name, on or not on a quiet day, whether users cannot do without, and what.
pub(super) const FLAGS: [(&str, bool, bool, &str); 6] = [
    (
        "recommendations",
        true,
        false,
        "Suggestions beside a product",
    ),
    (
        "search-suggestions",
        true,
        false,
        "Suggestions while typing",
    ),
    ("export", true, false, "Download of one's own data"),
    (
        "image-resizing",
        true,
        false,
        "Pictures in the screen's size",
    ),
    ("new-checkout", false, false, "The new order form"),
    (
        "payments-maintenance",
        false,
        true,
        "Payments are paused with a notice",
    ),
];

/// The nodes of the database cluster; the first is the primary on a quiet day.
pub(super) const NODES: [&str; 3] = ["db-1", "db-2", "db-3"];

/// Who calls the maps provider: caller, calls a second on a quiet day, critical, its flag.
pub(super) const CALLERS: [(&str, f64, bool, &str); 3] = [
    ("checkout", 33.6, true, ""),
    ("recommendations", 29.8, false, "recommendations"),
    ("search-suggestions", 21.6, false, "search-suggestions"),
];

/// The settings on a quiet day.
pub(super) const SETTINGS: [(&str, &str); 5] = [
    ("api.pool_size", "40"),
    ("api.timeout", "10s"),
    ("checkout.timeout", "5s"),
    ("payments.retries", "2"),
    ("search.cache_ttl", "60s"),
];

/// How a service was built.
pub(super) fn blueprint(name: &str) -> Option<&'static Blueprint> {
    SERVICES.iter().find(|service| service.name == name)
}
