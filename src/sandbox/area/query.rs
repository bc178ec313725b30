//! SQL, as far as runbooks speak it to the simulated database: payments by status or id.

use serde_json::{Value as Json, json};

use super::super::args::Args;
use super::super::operation::Operation::{Deed as Do, Look};
use super::super::operation::{Deed, No, Operations, Seen};
use super::super::world::World;
use super::payments::Payment;

pub(in crate::sandbox) const OPERATIONS: Operations = &[
    ("database.query", Look(query)),
    ("database.execute", Do(execute)),
];

/// A statement, in small letters but for what stands in quotes, with single spaces.
struct Statement(String);

impl Statement {
    fn of(args: &Args<'_>) -> Result<Self, No> {
        let sql = args.needed("sql")?;
        let mut text = String::with_capacity(sql.len());
        let mut quoted = false;
        for c in sql.trim().trim_end_matches(';').chars() {
            quoted ^= c == '\'';
            if !quoted && c.is_whitespace() {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            } else if quoted {
                text.push(c);
            } else {
                text.push(c.to_ascii_lowercase());
            }
        }
        Ok(Self(text))
    }

    fn verb(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// What follows these words.
    fn after(&self, words: &str) -> Option<&str> {
        self.0.split_once(words).map(|(_, rest)| rest.trim_start())
    }

    /// The value that a column is compared with, or set to, behind a word.
    fn equals(&self, behind: &str, column: &str, args: &Args<'_>) -> Option<String> {
        let rest = self.after(behind)?;
        let rest = rest.split_once(column)?.1.trim_start().strip_prefix('=')?;
        let rest = rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('\'') {
            return quoted.split('\'').next().map(str::to_owned);
        }
        let name = rest
            .strip_prefix(':')?
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()?;
        args.field("bind", name)
    }

    fn limit(&self) -> Option<usize> {
        self.after(" limit ")?.split(' ').next()?.parse().ok()
    }

    fn columns(&self) -> Vec<&str> {
        self.after("select ")
            .and_then(|rest| rest.split(" from ").next())
            .map(|columns| columns.split(',').map(str::trim).collect())
            .unwrap_or_default()
    }
}

fn connected(world: &World) -> Result<(), No> {
    if world.cluster.writable() {
        return Ok(());
    }
    let primary = &world.cluster.primary;
    Err(No::failed(format!(
        "could not connect to {primary}: connection refused"
    )))
}

fn row(id: &str, payment: &Payment, columns: &[&str]) -> Json {
    let all = json!({
        "id": id,
        "amount": payment.amount,
        "currency": "EUR",
        "status": payment.status,
        "created_at": payment.created.to_string(),
    });
    match all {
        Json::Object(fields) if !columns.contains(&"*") => Json::Object(
            fields
                .into_iter()
                .filter(|(name, _)| columns.contains(&name.as_str()))
                .collect(),
        ),
        all => all,
    }
}

fn query(world: &World, args: &Args<'_>) -> Result<Seen, No> {
    let sql = Statement::of(args)?;
    if !["select", "with", "show", "explain"].contains(&sql.verb()) {
        return Err(No::refused(format!(
            "cannot execute {} in a read-only transaction",
            sql.verb().to_uppercase()
        )));
    }
    connected(world)?;
    let most = args.count("limit").unwrap_or(1000) as usize;
    let mut rows = Vec::new();
    if sql.0.contains(" from payments") {
        let status = sql.equals(" where ", "status", args);
        let id = sql.equals(" where ", "id", args);
        let found = world.payments.all.iter().filter(|(name, payment)| {
            status.as_ref().is_none_or(|s| *s == payment.status)
                && id.as_ref().is_none_or(|id| id == *name)
        });
        let columns = sql.columns();
        if columns.iter().any(|column| column.starts_with("count(")) {
            rows.push(json!({ "count": found.count() }));
        } else {
            rows = found
                .take(sql.limit().unwrap_or(usize::MAX))
                .map(|(id, payment)| row(id, payment, &columns))
                .collect();
        }
    }
    let truncated = rows.len() > most;
    rows.truncate(most);
    Ok(json!({ "count": rows.len(), "rows": rows, "truncated": truncated }).into())
}

fn execute(world: &mut World, args: &Args<'_>) -> Result<Deed, No> {
    let sql = Statement::of(args)?;
    if sql.verb() == "select" {
        return Err(No::refused("a SELECT changes nothing: use query"));
    }
    connected(world)?;
    let mut affected = 0;
    if sql.0.starts_with("update payments ") {
        let id = sql.equals(" where ", "id", args);
        let old = sql.equals(" where ", "status", args);
        if let Some(new) = sql.equals(" set ", "status", args) {
            for (name, payment) in &mut world.payments.all {
                if id.as_ref().is_none_or(|id| id == name)
                    && old.as_ref().is_none_or(|old| *old == payment.status)
                {
                    payment.status.clone_from(&new);
                    affected += 1;
                }
            }
        }
    }
    Ok(Deed::new(
        format!("{affected} rows changed"),
        json!({ "affected": affected }),
    ))
}
