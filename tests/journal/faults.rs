//! Row 11: the disk is full, broken or read-only, at each of its operations.

use runbook::journal::{Code, Crash, Fault, SimDisk, WriteError};

use crate::crash::{Acknowledged, check, live};
use crate::story::{World, closing, last_line, note, run_id};

#[test]
fn row_11_a_failure_at_any_operation_loses_nothing_that_was_acknowledged() {
    let id = run_id(1);
    let whole = SimDisk::new();
    live(&whole, &id, &mut Acknowledged::default()).unwrap();
    let faults = [
        Fault::Eio,
        Fault::Enospc,
        Fault::Erofs,
        Fault::Short(0),
        Fault::Short(100),
    ];
    for at in 0..whole.operations() {
        for fault in faults {
            let disk = SimDisk::new();
            disk.fail_at(at, fault);
            let mut told = Acknowledged::default();
            // What is told after the failure counts too: there must be nothing.
            let _ = live(&disk, &id, &mut told);
            for crash in [Crash::Killed, Crash::Lost, Crash::Torn(50)] {
                check(&disk.crash(crash), &id, &told)
                    .unwrap_or_else(|why| panic!("operation {at}, {fault:?}, {crash:?}: {why}"));
            }
        }
    }
}

#[test]
fn row_11_after_a_failure_nothing_more_is_written_though_the_disk_works_again() {
    let id = run_id(1);
    // The write, its sync, and the sync of a blob's name before them.
    for (after, blob) in [(0, false), (1, false), (4, true)] {
        let world = World::new();
        let mut writer = world.open_run(&id);
        let before = world.bytes(&world.journal(&id));
        world
            .disk
            .fail_at(world.disk.operations() + after, Fault::Eio);
        if blob {
            writer.blobs().put(b"some output").unwrap();
        }
        writer.append(note("lost")).unwrap();
        let error = writer.commit().unwrap_err();
        assert!(matches!(error, WriteError::Failed(_)), "{error:?}");
        let left = world.bytes(&world.journal(&id));
        assert!(matches!(writer.commit(), Err(WriteError::Poisoned(_))));
        assert!(matches!(
            writer.append(note("x")),
            Err(WriteError::Poisoned(_))
        ));
        assert!(matches!(
            writer.blobs().put(b"y"),
            Err(WriteError::Poisoned(_))
        ));
        assert!(matches!(
            writer.final_append(vec![closing()]),
            Err(WriteError::NotFinal)
        ));
        assert_eq!(world.bytes(&world.journal(&id)), left);
        assert!(left.starts_with(&before));
    }
}

#[test]
fn row_11_a_blob_that_cannot_be_kept_ends_all_writing() {
    let world = World::new();
    let mut writer = world.open_run(&run_id(1));
    world.disk.fail_at(world.disk.operations() + 2, Fault::Eio);
    assert!(matches!(
        writer.blobs().put(b"output"),
        Err(WriteError::Failed(_))
    ));
    assert!(matches!(
        writer.append(note("x")),
        Err(WriteError::Poisoned(_))
    ));
}

#[test]
fn row_11_on_a_full_disk_the_reserve_takes_the_results_and_the_end() {
    let world = World::new();
    let id = run_id(1);
    let mut writer = world.open_run(&id);
    world.disk.set_capacity(Some(world.disk.used() + 500));
    let error = loop {
        writer.append(note("one more")).unwrap();
        if let Err(error) = writer.commit() {
            break error;
        }
    };
    assert!(error.disk().unwrap().is_full());
    let head = writer.head().unwrap();

    let events = vec![note("the result of what was running"), closing()];
    let durable = writer.final_append(events).unwrap();
    assert_eq!(durable[0].record.seq, head.seq + 1);
    world
        .store
        .ledger()
        .enter(&durable[1].record, &*crate::story::ticks())
        .unwrap();
    assert!(
        world
            .bytes(&world.journal(&id))
            .ends_with(last_line(&durable))
    );
    assert!(matches!(
        writer.append(note("x")),
        Err(WriteError::Poisoned(_))
    ));
    assert!(matches!(
        writer.final_append(vec![note("x")]),
        Err(WriteError::NotFinal)
    ));
    drop(writer);

    let after = World::on(world.disk.crash(Crash::Lost));
    assert_eq!(after.verify(&id).code(), Code::Proven);
}

#[test]
fn row_11_the_message_says_what_could_not_be_done_and_why() {
    let world = World::new();
    let mut writer = world.open_run(&run_id(1));
    world.disk.fail_at(world.disk.operations(), Fault::Enospc);
    writer.append(note("x")).unwrap();
    let error = writer.commit().unwrap_err();
    let mut said = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        said = format!("{said}: {cause}");
        source = cause.source();
    }
    assert_eq!(
        said,
        format!(
            "the journal could not be written: cannot write to /state/runs/{}/journal.jsonl: no storage space",
            run_id(1)
        )
    );
}
