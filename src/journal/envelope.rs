//! A record's keys in their one order: written, and read back in that order only.
//!
//! Pure.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Serialize, de::IntoDeserializer};

use super::error::EncodeError;
use super::record::{Entry, Place, VERSION};
use super::stamp::Stamp;
use crate::model::Digest;
use crate::model::ids::{Attempt, StepKey};
use crate::model::people::Actor;

/// The bytes of a record before `,"h":"`.
pub(super) fn body<E: Entry>(
    place: &Place<E::Id>,
    stamp: &Stamp,
    entry: &E,
) -> Result<Vec<u8>, EncodeError> {
    let mut line = Vec::with_capacity(512);
    line.extend_from_slice(b"{");
    put(&mut line, "v", &VERSION)?;
    put(&mut line, ",run", &place.run.to_string())?;
    put(&mut line, ",seq", &place.seq)?;
    put(&mut line, ",boot", &stamp.boot)?;
    put(&mut line, ",mono", &stamp.mono)?;
    put(&mut line, ",at", &entry.at())?;
    put(&mut line, ",kind", entry.kind())?;
    if let Some(step) = entry.step() {
        put(&mut line, ",step", step)?;
    }
    if let Some(attempt) = entry.attempt() {
        put(&mut line, ",attempt", &attempt)?;
    }
    put(&mut line, ",actor", entry.actor())?;
    line.extend_from_slice(br#","data":"#);
    // serde writes `{"kind":…,"data":…}`; the envelope has its own keys between the two.
    let tagged = serde_json::to_vec(entry.what()).map_err(EncodeError::Json)?;
    let data = format!(r#"{{"kind":"{}","data":"#, entry.kind());
    let data = tagged
        .strip_prefix(data.as_bytes())
        .and_then(|rest| rest.strip_suffix(b"}"))
        .ok_or(EncodeError::Untagged { kind: entry.kind() })?;
    line.extend_from_slice(data);
    Ok(line)
}

/// `"key":value`, after a comma where the key begins with one.
fn put<T: Serialize + ?Sized>(line: &mut Vec<u8>, key: &str, value: &T) -> Result<(), EncodeError> {
    let name = key.strip_prefix(',');
    if name.is_some() {
        line.push(b',');
    }
    line.push(b'"');
    line.extend_from_slice(name.unwrap_or(key).as_bytes());
    line.extend_from_slice(b"\":");
    serde_json::to_writer(line, value).map_err(EncodeError::Json)
}

/// What stood in a line.
pub(super) struct Envelope<E: Entry> {
    pub(super) run: E::Id,
    pub(super) seq: u64,
    pub(super) stamp: Stamp,
    pub(super) entry: E,
}

impl<'de, E: Entry> Deserialize<'de> for Envelope<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor(PhantomData))
    }
}

struct EnvelopeVisitor<E>(PhantomData<E>);

impl<'de, E: Entry> Visitor<'de> for EnvelopeVisitor<E> {
    type Value = Envelope<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Envelope<E>, A::Error> {
        let v: u64 = field(&mut map, "v")?;
        if v != VERSION {
            return Err(de::Error::custom(format_args!("unknown version {v}")));
        }
        let run: String = field(&mut map, "run")?;
        let run = run
            .parse()
            .map_err(|_| de::Error::custom("`run` is not the id of a run"))?;
        let seq = field(&mut map, "seq")?;
        let boot: Arc<str> = field(&mut map, "boot")?;
        let mono = field(&mut map, "mono")?;
        let at: Timestamp = field(&mut map, "at")?;
        let kind: String = field(&mut map, "kind")?;

        let mut key = map.next_key::<&str>()?;
        let mut step: Option<StepKey> = None;
        if key == Some("step") {
            step = Some(map.next_value()?);
            key = map.next_key()?;
        }
        let mut attempt: Option<Attempt> = None;
        if key == Some("attempt") {
            attempt = Some(map.next_value()?);
            key = map.next_key()?;
        }
        if key != Some("actor") {
            return Err(unexpected("actor", key));
        }
        let actor: Actor = map.next_value()?;
        let what = expect(&mut map, "data").and_then(|()| {
            E::What::deserialize(MapAccessDeserializer::new(Tagged {
                kind: Some(&kind),
                data: Some(&mut map),
            }))
        })?;
        let _: Digest = field(&mut map, "h")?;
        Ok(Envelope {
            run,
            seq,
            stamp: Stamp { boot, mono },
            entry: E::build(at, step, attempt, actor, what),
        })
    }
}

fn unexpected<E: de::Error>(wanted: &str, found: Option<&str>) -> E {
    let found = found.unwrap_or("nothing more");
    E::custom(format_args!("expected the key `{wanted}`, found `{found}`"))
}

fn expect<'de, A: MapAccess<'de>>(map: &mut A, name: &str) -> Result<(), A::Error> {
    match map.next_key::<&str>()? {
        Some(key) if key == name => Ok(()),
        other => Err(unexpected(name, other)),
    }
}

fn field<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &str,
) -> Result<T, A::Error> {
    expect(map, name)?;
    map.next_value()
}

/// Shows serde the record's `kind` and `data` as the two keys of the tagged enum that they are.
struct Tagged<'a, A> {
    kind: Option<&'a str>,
    data: Option<&'a mut A>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Tagged<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let name = match (&self.kind, &self.data) {
            (Some(_), _) => "kind",
            (None, Some(_)) => "data",
            (None, None) => return Ok(None),
        };
        let name: StrDeserializer<'_, A::Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        if let Some(kind) = self.kind.take() {
            let kind: StrDeserializer<'_, A::Error> = kind.into_deserializer();
            seed.deserialize(kind)
        } else if let Some(data) = self.data.take() {
            data.next_value_seed(seed)
        } else {
            Err(de::Error::custom("a record has one `data`"))
        }
    }
}
