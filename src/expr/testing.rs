//! The names that tests of this floor share: a run in the middle of a failover.

use serde_json::json;

use super::{ExprError, Expression, Lookup, NameError, Names, TypeNames, Typed};
use crate::model::{Field, Fields, Map, Shape, Timestamp, Value};

/// A run in which `status` and `replicas` succeeded, `restart` was skipped, `failover` is to come.
pub(super) struct Run {
    roots: Map,
    status: Value,
    replicas: Value,
}

fn required(shape: Shape) -> Field {
    Field {
        shape,
        optional: false,
    }
}

fn choice(words: &[&str]) -> Shape {
    Shape::Choice(words.iter().map(|word| (*word).to_owned()).collect())
}

fn replica_shape() -> Shape {
    let mut fields = Fields::new();
    fields.insert("name".into(), required(Shape::String));
    fields.insert("lag".into(), required(Shape::Duration));
    fields.insert("disk".into(), required(Shape::Size));
    fields.insert("ready".into(), required(Shape::Boolean));
    fields.insert("weight".into(), required(Shape::Integer));
    fields.insert(
        "note".into(),
        Field {
            shape: Shape::String,
            optional: true,
        },
    );
    Shape::object(fields)
}

fn status_shape() -> Shape {
    let mut fields = Fields::new();
    fields.insert("state".into(), required(choice(&["running", "stopped"])));
    fields.insert("corruption".into(), required(Shape::Boolean));
    fields.insert("connections".into(), required(Shape::Integer));
    fields.insert("load".into(), required(Shape::Number));
    fields.insert("since".into(), required(Shape::Time));
    fields.insert(
        "primary".into(),
        Field {
            shape: Shape::String,
            optional: true,
        },
    );
    Shape::object(fields)
}

fn replicas_shape() -> Shape {
    let mut fields = Fields::new();
    fields.insert("freshest".into(), required(replica_shape()));
    fields.insert(
        "all".into(),
        required(Shape::List(Box::new(replica_shape()))),
    );
    fields.insert("extra".into(), required(Shape::Any));
    Shape::object(fields)
}

impl Run {
    pub(super) fn new() -> Self {
        let replica = |name: &str, lag: &str, weight: i64| json!({"name": name, "lag": lag, "disk": "10 GiB", "ready": name != "r3", "weight": weight});
        let status = json!({
            "state": "stopped", "corruption": false, "connections": 12, "load": 0.5,
            "since": "2026-11-20T19:53:59Z",
        });
        let replicas = json!({
            "freshest": replica("r1", "4s", 2),
            "all": [replica("r2", "90s", 1), replica("r1", "4s", 2), replica("r3", "30s", 3)],
            "extra": {"code": 7, "ratio": 1.5, "text": "{{ params.cluster }}", "nothing": null},
        });
        let mut params = Map::new();
        params.insert("cluster".into(), "main".into());
        params.insert("max_lag".into(), Value::Duration("30s".parse().unwrap()));
        params.insert("floor".into(), Value::Size("1 GiB".parse().unwrap()));
        params.insert("none".into(), Value::None);
        params.insert("password".into(), "hunter2".into());
        let mut roots = Map::new();
        roots.insert("params".into(), params.into());
        roots.insert(
            "now".into(),
            Value::Time("2026-11-20T20:00:00Z".parse::<Timestamp>().unwrap()),
        );
        Self {
            roots,
            status: status_shape().fit(&status).unwrap(),
            replicas: replicas_shape().fit(&replicas).unwrap(),
        }
    }
}

impl Names for Run {
    fn get(&self, path: &[&str]) -> Lookup<'_> {
        match path {
            ["steps", id, rest @ ..] => match (*id, rest) {
                ("status", ["output", ..]) => Lookup::found(&self.status, 3),
                ("replicas", ["output", ..]) => Lookup::found(&self.replicas, 3),
                ("status" | "replicas", ["status", ..]) => Lookup::made("succeeded", 3),
                ("restart", ["status", ..]) => Lookup::made("skipped", 3),
                ("restart", _) => Lookup::Unavailable {
                    message: "step `restart` was skipped, so it has no output".into(),
                    hint: Some("test its status first: `steps.restart.status`".into()),
                },
                ("failover", _) => Lookup::NotYet,
                _ => {
                    let known = ["status", "replicas", "restart", "failover"];
                    Lookup::Missing(NameError::unknown(id, known))
                }
            },
            _ => Names::get(&self.roots, path),
        }
    }

    fn is_secret(&self, path: &[&str]) -> bool {
        matches!(path, ["params", "password"])
    }
}

impl TypeNames for Run {
    fn shape(&self, path: &[&str]) -> Result<Typed<'_>, NameError> {
        let statuses = choice(&["succeeded", "failed", "skipped"]);
        match path {
            ["steps", id, rest @ ..] => match (*id, rest) {
                ("status", ["output", ..]) => Ok(Typed::made(status_shape(), 3)),
                ("replicas", ["output", ..]) => Ok(Typed::made(replicas_shape(), 3)),
                (_, ["status", ..]) => Ok(Typed::made(statuses, 3)),
                _ => Err(NameError::unknown(id, ["status", "replicas"])),
            },
            ["params", "cluster", ..] => Ok(Typed::made(Shape::String, 2)),
            ["params", "max_lag", ..] => Ok(Typed::made(Shape::Duration, 2)),
            ["params", "floor", ..] => Ok(Typed::made(Shape::Size, 2)),
            ["params", "none", ..] => Ok(Typed::made(Shape::String, 2).optional(true)),
            ["params", name, ..] => Err(NameError::unknown(name, ["cluster", "max_lag", "floor"])),
            ["now", ..] => Ok(Typed::made(Shape::Time, 1)),
            _ => {
                let root = path.first().copied().unwrap_or_default();
                Err(NameError::unknown(root, ["steps", "params", "now"]))
            }
        }
    }
}

pub(super) fn eval(source: &str) -> Result<Value, ExprError> {
    Expression::parse(source)?.eval(&Run::new())
}

/// The value as it reads, for short tables.
pub(super) fn text(source: &str) -> String {
    match eval(source) {
        Ok(value) => value.to_string(),
        Err(error) => panic!("{source}: {error}"),
    }
}

/// The message of the error that must come, with its hint.
pub(super) fn refused(source: &str) -> String {
    match eval(source) {
        Ok(value) => panic!("{source} is {value}"),
        Err(error) => with_hint(&error),
    }
}

pub(super) fn with_hint(error: &ExprError) -> String {
    match &error.hint {
        Some(hint) => format!("{} ({hint})", error.message),
        None => error.message.clone(),
    }
}

/// The type, or all that is wrong.
pub(super) fn check(source: &str) -> Result<Shape, String> {
    Expression::parse(source)
        .map_err(|error| with_hint(&error))?
        .check(&Run::new())
        .map_err(|errors| errors.iter().map(with_hint).collect::<Vec<_>>().join("; "))
}
