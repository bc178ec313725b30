//! The payment provider, and the payments that hang between it and us.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::{Duration, Timestamp};

use super::super::args::Args;
use super::super::law::Condition;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::units::tenth;
use super::super::world::World;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("payments.status", Look(status)),
    ("payments.lookup", Look(lookup)),
    ("payments.test_payment", Do(test_payment)),
    ("payments.retry", Do(retry)),
    ("payments.refund", Do(refund)),
];

/// Orders that are paid in a second on a quiet day.
const ORDERS: f64 = 0.05;

/// More than these do not hang at once: shops close before.
const MOST: usize = 500;

/// How the provider is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Provider {
    /// Share of calls that succeed.
    pub(in crate::sandbox) success: f64,
    pub(in crate::sandbox) latency_ms: f64,
    /// What it says itself.
    pub(in crate::sandbox) incident: String,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            success: 1.0,
            latency_ms: 300.0,
            incident: String::new(),
        }
    }
}

impl Provider {
    fn works(&self) -> bool {
        self.success >= 0.98
    }
}

/// What the provider knows of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Known {
    Absent,
    Pending,
    Captured,
    Refunded,
}

impl Known {
    fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Pending => "pending",
            Self::Captured => "captured",
            Self::Refunded => "refunded",
        }
    }
}

/// A payment that did not go through at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Payment {
    /// In cents.
    pub(in crate::sandbox) amount: u32,
    /// What our own books say.
    pub(in crate::sandbox) status: String,
    pub(in crate::sandbox) created: Timestamp,
    pub(in crate::sandbox) known: Known,
    pub(in crate::sandbox) attempts: u32,
    /// How often money was taken. Never more than once.
    pub(in crate::sandbox) taken: u32,
}

impl Payment {
    fn euros(&self) -> String {
        format!("{}.{:02} EUR", self.amount / 100, self.amount % 100)
    }
}

/// Payments that did not go through at once, by our id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Payments {
    pub(in crate::sandbox) all: IndexMap<String, Payment>,
    /// Of the next one to hang, how much is there already.
    part: f64,
}

impl Payments {
    /// The law of payments: while the provider fails, some of them hang.
    pub(in crate::sandbox) fn pass(
        world: &mut World,
        conditions: &IndexMap<&'static str, Condition>,
        seconds: f64,
    ) {
        let now = world.now();
        let provider = &world.provider;
        let rps = conditions.get("payments").map_or(0.0, |it| it.rps);
        if provider.works() {
            for payment in world.payments.all.values_mut() {
                if payment.known == Known::Pending {
                    payment.known = Known::Captured;
                    payment.taken += 1;
                }
            }
            return;
        }
        if rps == 0.0 || !world.cluster.writable() {
            // Nobody can order, so nothing can hang.
            return;
        }
        world.payments.part += ORDERS * world.traffic * (1.0 - provider.success) * seconds;
        while world.payments.part >= 1.0 && world.payments.all.len() < MOST {
            world.payments.part -= 1.0;
            let nth = u32::try_from(world.payments.all.len()).unwrap_or(0);
            // The answer got lost, not always the payment: some were taken, and we do not know.
            let known = match nth % 8 {
                3 => Known::Captured,
                6 => Known::Pending,
                _ => Known::Absent,
            };
            let payment = Payment {
                amount: 490 + nth * 1370 % 9000,
                status: "pending".to_owned(),
                created: now,
                known,
                attempts: u32::from(known != Known::Absent),
                taken: u32::from(known == Known::Captured),
            };
            world
                .payments
                .all
                .insert(format!("pay-{}", 1041 + nth), payment);
        }
        world.payments.part = world.payments.part.min(1.0);
    }
}

fn status(world: &World, _args: &Args<'_>) -> Result<Seen, No> {
    let provider = &world.provider;
    let reachable = !world.network.is_blocked("payments") && provider.success > 0.0;
    let state = match provider.success {
        _ if !reachable => "unreachable",
        _ if provider.works() => "operational",
        success if success < 0.05 => "down",
        _ => "degraded",
    };
    let (tried, paid) = world
        .history
        .last(world.now(), Duration::from_secs(900))
        .fold((0.0, 0.0), |(tried, paid), sample| {
            (tried + sample.gauges.tried, paid + sample.gauges.paid)
        });
    // Without payments of our own, what our probe of the provider sees.
    let success = if tried > 0.0 {
        paid / tried
    } else {
        provider.success
    };
    let latency = Duration::from_millis(provider.latency_ms as u64);
    Ok(json!({
        "state": state,
        "reachable": reachable,
        "credentials_valid": true,
        "success_percent": tenth(success * 100.0),
        "latency": latency,
        "incident": provider.incident,
    })
    .into())
}

fn lookup(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let id = args.needed("payment")?;
    let (state, attempts) = world
        .payments
        .all
        .get(&id)
        .map_or(("absent", 0), |payment| {
            (payment.known.word(), payment.attempts)
        });
    Ok(json!({ "payment": id, "state": state, "attempts": attempts }).into())
}

/// Whether a call to the provider succeeds now, and how long it takes.
fn attempt(world: &mut World) -> (bool, Duration) {
    let luck = world.random().fraction();
    let provider = &world.provider;
    let reached = !world.network.is_blocked("payments") && luck < provider.success;
    let took = Duration::from_millis(provider.latency_ms as u64 + 600);
    (reached, took)
}

fn test_payment(world: &mut World, _args: &Args<'_>) -> Result<Deed, No> {
    let (accepted, took) = attempt(world);
    world.spend(took);
    let detail = if accepted {
        "authorised and voided"
    } else {
        "the provider answered 503 Service Unavailable"
    };
    Ok(Deed {
        settled: accepted,
        ..Deed::new(
            format!("test payment: {detail}"),
            json!({ "accepted": accepted, "voided": accepted, "took": took, "detail": detail }),
        )
    })
}

fn retry(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let id = args.needed("payment")?;
    let known = world.payments.all.get(&id).map(|payment| payment.known);
    match known {
        None => return Err(No::refused(format!("there is no payment `{id}`"))),
        Some(Known::Refunded) => return Err(No::refused(format!("{id} was given back"))),
        Some(_) => {}
    }
    let (reached, took) = attempt(world);
    world.spend(took);
    let books = world.cluster.writable();
    let Some(payment) = world.payments.all.get_mut(&id) else {
        return Err(No::refused(format!("there is no payment `{id}`")));
    };
    payment.attempts += 1;
    if !reached {
        return Err(No::tried(
            format!("the provider answered 503 Service Unavailable for {id}"),
            format!("{id} was sent and not taken"),
        ));
    }
    let detail = if payment.known == Known::Captured {
        format!("{} had been taken already", payment.euros())
    } else {
        payment.known = Known::Captured;
        payment.taken += 1;
        format!("{} taken", payment.euros())
    };
    if books {
        payment.status = "captured".to_owned();
    }
    Ok(Deed::new(
        format!("{id}: {detail}"),
        json!({ "payment": id, "state": "captured", "detail": detail }),
    ))
}

fn refund(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let id = args.needed("payment")?;
    let Some(payment) = world.payments.all.get_mut(&id) else {
        return Err(No::refused(format!("there is no payment `{id}`")));
    };
    match payment.known {
        Known::Refunded => {}
        Known::Captured => {
            payment.known = Known::Refunded;
            payment.status = "refunded".to_owned();
        }
        Known::Absent | Known::Pending => {
            return Err(No::refused(format!("{id} was not captured")));
        }
    }
    let detail = format!("{} given back", payment.euros());
    Ok(Deed::new(
        format!("{id}: {detail}"),
        json!({ "payment": id, "state": "refunded", "detail": detail }),
    ))
}
