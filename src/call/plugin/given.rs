//! What a plugin is given with a question: settings and arguments, secrets apart from the rest.

use serde_json::{Map as JsonMap, Value as Json};

use super::message::Given;
use crate::call::job::Processes;
use crate::call::secrets::unusable;
use crate::model::call::{Cancel, Failure, Request};
use crate::model::{Map, Value};

/// Settings, and the arguments that are no secrets. A value that is a secret, or holds one, stands
/// whole among the secrets, so that nobody prints it by printing all the others.
pub(super) fn given(
    (settings, args): (&Map, &Map),
    processes: &Processes,
    request: &Request,
    cancel: &dyn Cancel,
) -> Result<(Given, JsonMap<String, Json>), Failure> {
    let mut given = Given::default();
    let mut plain_args = JsonMap::new();
    let secrets = &mut given.secrets;
    let places = [
        (settings, &mut given.settings, &mut secrets.settings),
        (args, &mut plain_args, &mut secrets.args),
    ];
    for (values, plain, secret) in places {
        for (name, value) in values {
            if value.secret().is_some() {
                let value = opened(value, processes, request, cancel)?;
                secret.insert(name.clone(), value);
            } else {
                plain.insert(name.clone(), value.to_plain());
            }
        }
    }
    Ok((given, plain_args))
}

/// A value with its secrets looked up.
fn opened(
    value: &Value,
    processes: &Processes,
    request: &Request,
    cancel: &dyn Cancel,
) -> Result<Json, Failure> {
    let open = |value| opened(value, processes, request, cancel);
    Ok(match value {
        Value::Secret(place) => {
            let secret = processes.secret(place, request, cancel)?;
            let text = std::str::from_utf8(secret.expose())
                .map_err(|_| unusable(place, "is no text, and a plugin is given texts"))?;
            Json::String(text.to_owned())
        }
        Value::List(items) => Json::Array(items.iter().map(open).collect::<Result<_, _>>()?),
        Value::Map(map) => {
            let fields = map.iter();
            let fields = fields.map(|(name, value)| Ok((name.clone(), open(value)?)));
            Json::Object(fields.collect::<Result<_, Failure>>()?)
        }
        plain => plain.to_plain(),
    })
}
