//! Rows 8 and 9, on a real disk: what somebody planted, and who comes second.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Barrier};

use runbook::journal::{
    Code, Evidence, Holder, Keeper, KernelStamps, Kind, Refused, Stamps, Stat, Store, StoreError,
    verify_run,
};
use tempfile::TempDir;

use crate::story::{begin, closing, event, holder, note, now, run_id, ticks};

fn real() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("state")).unwrap();
    (dir, store)
}

fn refusal(error: &StoreError) -> Refused {
    match error {
        StoreError::Disk(error) => error.refusal().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_lives_on_a_real_disk_from_its_opening_to_its_proof() {
    let (_dir, store) = real();
    let id = run_id(1);
    let stamps: Arc<dyn Stamps> = Arc::new(KernelStamps::new().unwrap());
    let mut writer = begin(&store, &id).unwrap();
    writer.append(note("one")).unwrap();
    assert_eq!(writer.commit().unwrap()[0].record.seq, 1);
    drop(writer);
    let journal = store.run(&id).unwrap().journal();
    let whole = fs::read(&journal).unwrap();
    fs::write(&journal, [&whole[..], b"{\"v\":1"].concat()).unwrap();

    let mut resumed = store
        .resume_run(&id, Arc::clone(&stamps), &Holder::this_process(now()))
        .unwrap();
    assert_eq!(resumed.report.records.len(), 2);
    for what in resumed.recovered {
        resumed.writer.append(event(what)).unwrap();
    }
    resumed.writer.append(closing()).unwrap();
    let durable = resumed.writer.commit().unwrap();
    assert_eq!(durable.len(), 2);
    store.ledger().enter(&durable[1].record, &*stamps).unwrap();

    let run = store.run(&id).unwrap();
    let report = run.read().unwrap();
    let ledger = store.ledger().read().unwrap();
    let verdict = verify_run(&Evidence {
        journal: &report,
        blobs: &run.examine_blobs(&report),
        ledger: Some(&ledger),
    });
    assert_eq!(verdict.code(), Code::Proven, "{:?}", verdict.findings);
    assert_eq!(fs::read(run.path().join("torn-2")).unwrap(), b"{\"v\":1");
    assert_eq!(
        fs::metadata(run.path().join("reserve")).unwrap().len(),
        65_536
    );
    for (path, mode) in [
        (store.path().to_owned(), 0o700),
        (run.path().to_owned(), 0o700),
        (run.blobs(), 0o700),
        (run.journal(), 0o600),
        (store.path().join("ledger.jsonl"), 0o600),
        (run.path().join("torn-2"), 0o600),
    ] {
        let found = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{}", path.display());
    }
}

#[test]
fn row_08_what_somebody_planted_in_the_journals_place_is_refused() {
    let (dir, store) = real();
    let id = run_id(1);
    drop(begin(&store, &id).unwrap());
    let journal = store.run(&id).unwrap().journal();
    let kept = dir.path().join("kept");
    fs::rename(&journal, &kept).unwrap();
    let opened = || {
        let by_writer = store.resume_run(&id, ticks(), &holder()).unwrap_err();
        let by_reader = store.run(&id).unwrap().read().unwrap_err();
        assert_eq!(by_reader.refusal(), Some(refusal(&by_writer)));
        refusal(&by_writer)
    };

    symlink(&kept, &journal).unwrap();
    assert_eq!(opened(), Refused::Link);
    fs::remove_file(&journal).unwrap();

    fs::hard_link(&kept, &journal).unwrap();
    assert_eq!(opened(), Refused::Links { links: 2 });
    fs::remove_file(&journal).unwrap();

    // Opening must not wait for the FIFO's other end.
    let made = std::process::Command::new("mkfifo")
        .arg(&journal)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(opened(), Refused::NotAFile);
    fs::remove_file(&journal).unwrap();

    fs::create_dir(&journal).unwrap();
    assert_eq!(opened(), Refused::NotAFile);
    fs::remove_dir(&journal).unwrap();

    fs::rename(&kept, &journal).unwrap();
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o620)).unwrap();
    assert_eq!(opened(), Refused::Mode { mode: 0o620 });
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(store.resume_run(&id, ticks(), &holder()).is_ok());
}

#[test]
fn row_08_a_directory_that_others_may_write_or_that_is_a_link_is_refused() {
    let (dir, store) = real();
    let id = run_id(1);
    drop(begin(&store, &id).unwrap());
    let run = store.run(&id).unwrap();
    for path in [run.path().to_owned(), run.blobs()] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let error = store.run(&id).unwrap_err();
        assert_eq!(refusal(&error), Refused::Mode { mode: 0o777 });
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let elsewhere = dir.path().join("elsewhere");
    symlink(store.path(), &elsewhere).unwrap();
    assert_eq!(
        refusal(&Store::open(&elsewhere).unwrap_err()),
        Refused::Link
    );
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(
        refusal(&Store::open(&file).unwrap_err()),
        Refused::NotADirectory
    );
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o770)).unwrap();
    let error = Store::open(store.path()).unwrap_err();
    assert_eq!(refusal(&error), Refused::Mode { mode: 0o770 });
    assert!(
        error
            .to_string()
            .contains("its group or others may write it"),
        "{error}"
    );
}

#[test]
fn row_08_a_planted_ledger_or_blob_is_refused() {
    let (dir, store) = real();
    let id = run_id(1);
    drop(begin(&store, &id).unwrap());
    let kept = dir.path().join("kept");
    let ledger = store.path().join("ledger.jsonl");
    fs::rename(&ledger, &kept).unwrap();
    symlink(&kept, &ledger).unwrap();
    let error = store.ledger().read().unwrap_err();
    assert_eq!(error.refusal(), Some(Refused::Link));

    let run = store.run(&id).unwrap();
    let report = run.read().unwrap();
    let digest = runbook::journal::named_by(&report.records[0].event.what)[0];
    let blob = run.blobs().join(digest.to_string());
    fs::rename(&blob, &kept).unwrap();
    symlink(&kept, &blob).unwrap();
    let verdict = verify_run(&Evidence {
        journal: &report,
        blobs: &run.examine_blobs(&report),
        ledger: None,
    });
    assert_eq!(verdict.code(), Code::NotVerified);
}

#[test]
fn row_08_somebody_elses_file_is_refused() {
    let ours = Stat {
        kind: Kind::File,
        uid: 1000,
        gid: 1000,
        mode: 0o600,
        links: 1,
    };
    assert_eq!(ours.judge(Kind::File, Keeper::User(1000)), Ok(()));
    let refused = Refused::Owner { owner: 1000, us: 0 };
    assert_eq!(ours.judge(Kind::File, Keeper::User(0)), Err(refused));
    assert_eq!(
        refused.to_string(),
        "it belongs to user 1000, and this is user 0"
    );
    let special = Stat {
        kind: Kind::Special,
        ..ours
    };
    assert_eq!(
        special.judge(Kind::File, Keeper::User(1000)),
        Err(Refused::NotAFile)
    );
    assert_eq!(
        ours.judge(Kind::Directory, Keeper::User(1000)),
        Err(Refused::NotADirectory)
    );

    let (_dir, store) = real();
    drop(begin(&store, &run_id(1)).unwrap());
    let journal = store.run(&run_id(1)).unwrap().journal();
    // Only root can give a file away.
    if std::os::unix::fs::chown(&journal, Some(65_534), None).is_ok() {
        let error = store
            .resume_run(&run_id(1), ticks(), &holder())
            .unwrap_err();
        assert!(matches!(
            refusal(&error),
            Refused::Owner { owner: 65_534, .. }
        ));
    }
}

#[test]
fn row_09_of_two_resumes_at_once_one_wins_and_the_other_is_told_who() {
    let (_dir, store) = real();
    let id = run_id(1);
    drop(begin(&store, &id).unwrap());
    let barrier = Barrier::new(4);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    store.resume_run(&id, ticks(), &holder())
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 3));
    let error = store.resume_run(&id, ticks(), &holder()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{id} is held by process 4711 on bastion-1 since 2026-11-20T19:53:59Z")
    );
    drop(won);
    assert!(store.resume_run(&id, ticks(), &holder()).is_ok());
}

#[test]
fn a_directory_that_a_group_shares_has_exactly_the_modes_of_one() {
    let dir = tempfile::tempdir().unwrap();
    // Root can name any group; anybody else is in their own.
    let group = match rustix::process::geteuid().is_root() {
        true => 12_345,
        false => rustix::process::getegid().as_raw(),
    };
    let path = dir.path().join("state");
    let store = Store::open_shared(&path, group).unwrap();
    let mut writer = begin(&store, &run_id(1)).unwrap();
    writer.append(note("one")).unwrap();
    let durable = writer.commit().unwrap();
    store.ledger().enter(&durable[0].record, &*ticks()).ok();
    drop(writer);
    let run = store.run(&run_id(1)).unwrap();
    let is = |path: &std::path::Path| {
        let metadata = fs::metadata(path).unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!(metadata.gid(), group, "{}", path.display());
        metadata.permissions().mode() & 0o7777
    };
    for made in [path.clone(), path.join("runs"), run.path().to_owned()] {
        assert_eq!(is(&made), 0o2770, "{}", made.display());
    }
    assert_eq!(is(&run.blobs()), 0o2770);
    for made in ["journal.jsonl", "reserve", "holder"] {
        assert_eq!(is(&run.path().join(made)), 0o660, "{made}");
    }
    // Nobody's alone, and open to nobody else.
    for mode in [0o600, 0o664] {
        fs::set_permissions(run.journal(), fs::Permissions::from_mode(mode)).unwrap();
        let error = store
            .resume_run(&run_id(1), ticks(), &holder())
            .unwrap_err();
        assert_eq!(
            refusal(&error),
            Refused::SharedMode {
                mode,
                wanted: 0o660
            }
        );
    }
    // Who does not know that it is shared does not trust what others may write.
    let error = Store::open(&path).unwrap_err();
    assert_eq!(refusal(&error), Refused::Mode { mode: 0o2770 });
}
