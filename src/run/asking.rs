//! What a person is asked or told to do, and how long the clock is waited for.

use super::command::{Command, Need};
use super::commands::{person, record};
use super::names::At;
use super::render::broken;
use super::state::{Inst, Run};
use crate::model::call::{Failure, FailureKind};
use crate::model::event::Happened;
use crate::model::{SecretRef, Timestamp, Value};
use crate::spec::step::{Ask, Manual, Pause};

impl Run {
    pub(super) fn ask(&self, inst: &Inst, ask: &Ask, at: &At<'_>) -> Result<Command, Failure> {
        let question = ask
            .question
            .value
            .render(at)
            .map_err(|e| broken("the question", &e))?;
        let suggested = match &ask.suggest {
            None => Ok(None),
            Some(suggest) => suggest
                .value
                .eval(at)
                .map_err(|e| broken("its `suggest`", &e))
                .and_then(|value| {
                    ask.shape.accept(&value).map(Some).map_err(|misfit| {
                        Failure::new(
                            FailureKind::Expression,
                            format!("its `suggest` is no answer: {misfit}"),
                        )
                    })
                }),
        };
        Ok(person(
            inst,
            Need::Ask {
                question,
                choices: ask
                    .choices
                    .iter()
                    .map(|(choice, meaning)| (choice.clone(), meaning.clone()))
                    .collect(),
                shape: ask.shape.clone(),
                suggested,
            },
        ))
    }

    pub(super) fn manual(
        &self,
        inst: &Inst,
        manual: &Manual,
        at: &At<'_>,
    ) -> Result<Command, Failure> {
        let items = manual
            .items
            .iter()
            .map(|item| {
                item.value
                    .render(at)
                    .map_err(|e| broken("what is to be done", &e))
            })
            .collect::<Result<_, _>>()?;
        let by = manual.by.clone();
        let reveal = match &manual.reveal {
            None => None,
            Some(reveal) => match reveal
                .value
                .eval(at)
                .map_err(|e| broken("its `reveal`", &e))?
            {
                Value::Secret(secret @ SecretRef::Run(_)) => Some(secret),
                _ => {
                    return Err(Failure::new(
                        FailureKind::Expression,
                        format!("`{}` holds nothing to reveal", reveal.value.source()),
                    )
                    .hint("the step that gives it out left it out"));
                }
            },
        };
        Ok(person(inst, Need::Manual { items, by, reveal }))
    }
}

pub(super) fn pause_from(inst: &Inst, pause: &Pause, now: Timestamp) -> Result<Command, Failure> {
    let until = match pause {
        Pause::For(duration) => duration.after(now),
        Pause::Until { time, zone } => next_time(now, *time, zone).ok_or_else(|| {
            Failure::new(
                FailureKind::Expression,
                format!("the time zone `{zone}` is not known"),
            )
        })?,
    };
    Ok(record(Some(inst), Happened::PauseBegun { until }))
}

/// The next moment after `now` at which a clock in this zone shows this time.
fn next_time(now: Timestamp, time: jiff::civil::Time, zone: &str) -> Option<Timestamp> {
    // The bundled database: no file of this machine decides.
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).ok()?;
    let here = now.to_zoned(zone.clone());
    let mut date = here.date();
    for _ in 0..3 {
        let moment = date
            .to_datetime(time)
            .to_zoned(zone.clone())
            .ok()?
            .timestamp();
        if moment > now {
            return Some(moment);
        }
        date = date.tomorrow().ok()?;
    }
    None
}
