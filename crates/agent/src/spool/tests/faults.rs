//! Disks that fail, and what stands on them damaged.

use super::*;

#[tokio::test]
async fn p1_a_damaged_batch_is_skipped_and_counted_and_the_others_go_on() {
    let bench = Bench::new();
    let spool = bench.open();
    for sequence in 1..4 {
        spool
            .keep(numbered(sequence, &[sequence, sequence]))
            .await
            .unwrap();
    }
    spool.close().await;
    let file = Connection::open(bench.file()).unwrap();
    file.execute(
        "UPDATE batches SET body = zeroblob(length(body)) WHERE id = 2",
        (),
    )
    .unwrap();
    drop(file);
    let spool = bench.open();
    let left: Vec<u64> = all(&spool)
        .await
        .iter()
        .map(|it| it.held.batch.sequence)
        .collect();
    assert_eq!(left, [1, 3]);
    let state = settled(&spool).await;
    assert_eq!(
        (state.batches, state.totals.dropped["spool_damaged"]),
        (2, 2)
    );
}

#[tokio::test]
async fn p1_what_a_loss_of_power_tears_is_cut_and_what_was_acknowledged_stays() {
    let bench = Bench::new();
    let spool = bench.open();
    let wal = bench.file().with_extension("db-wal");
    for n in 1..10 {
        spool.keep(loose(&[n])).await.unwrap();
    }
    let acknowledged_bytes = std::fs::metadata(&wal).unwrap().len();
    spool.keep(loose(&[10])).await.unwrap();
    let written = std::fs::read(&wal).unwrap();
    let torn = written.len() - usize::try_from(acknowledged_bytes).unwrap();
    assert!(torn > 1_000, "{torn} bytes of the last one");
    for cut in [1, 100, torn / 2, torn - 1, torn] {
        // The files as they are, the last write half done.
        let copy = Bench::new();
        std::fs::copy(bench.file(), copy.file()).unwrap();
        let left = &written[..written.len() - cut];
        std::fs::write(copy.file().with_extension("db-wal"), left).unwrap();
        let again = copy.open();
        again.keep(loose(&[11])).await.unwrap();
        let found: Vec<u64> = all(&again)
            .await
            .iter()
            .flat_map(|it| durations(&it.held))
            .collect();
        assert_eq!(
            found,
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 11],
            "without {cut} bytes"
        );
        // Nobody has seen the number that went with it.
        assert_eq!(all(&again).await[9].held.batch.sequence, 10);
        assert_eq!(settled(&again).await.totals.recorded, 10);
    }
}

#[tokio::test]
async fn a_file_that_is_none_is_put_aside_and_one_of_another_kind_is_refused() {
    let bench = Bench::new();
    std::fs::write(bench.file(), vec![7; 8_192]).unwrap();
    let spool = bench.open();
    spool.keep(loose(&[1])).await.unwrap();
    spool.close().await;
    let names = std::fs::read_dir(bench.directory.path()).unwrap();
    let names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().any(|name| name.starts_with("spool.damaged-")),
        "{names:?}"
    );
    let file = Connection::open(bench.file()).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let refused = bench.try_open().err().unwrap().to_string();
    assert!(refused.contains("its format is 99"), "{refused}");
}

#[tokio::test]
async fn p6_a_full_disk_gives_batches_back_and_keeps_again_once_there_is_room() {
    let bench = Bench::new();
    let (spool, is_full) = bench.failing(rusqlite::ffi::SQLITE_FULL);
    spool.keep(numbered(1, &[1])).await.unwrap();
    is_full.store(true, Ordering::SeqCst);
    let unkept = spool.keep(numbered(2, &[2])).await.unwrap_err();
    assert!(matches!(unkept.error, SpoolError::Full(_)), "{unkept:?}");
    assert_eq!(unkept.held.unwrap().batch.sequence, 2);
    assert_eq!(settled(&spool).await.health, Health::Full);
    assert_eq!(
        all(&spool).await.len(),
        1,
        "what is there can still be read"
    );
    is_full.store(false, Ordering::SeqCst);
    let kept = async {
        while spool.keep(numbered(3, &[3])).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), kept)
        .await
        .unwrap();
    let state = settled(&spool).await;
    assert_eq!(
        (state.health, state.batches, state.totals.recorded),
        (Health::Keeping, 2, 2)
    );
}

#[tokio::test]
async fn p9_after_a_failed_fsync_nothing_is_kept_any_more() {
    let bench = Bench::new();
    let (spool, fails) = bench.failing(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    spool.keep(numbered(1, &[1])).await.unwrap();
    fails.store(true, Ordering::SeqCst);
    let unkept = spool.keep(numbered(2, &[2])).await.unwrap_err();
    assert!(matches!(unkept.error, SpoolError::Failed(_)), "{unkept:?}");
    fails.store(false, Ordering::SeqCst);
    let unkept = spool.keep(numbered(3, &[3])).await.unwrap_err();
    assert!(matches!(unkept.error, SpoolError::Failed(_)), "{unkept:?}");
    let first = all(&spool).await.pop().unwrap();
    spool.settle(vec![acknowledged(first.ticket, 1, 1)]).await;
    let state = settled(&spool).await;
    assert_eq!(state.health, Health::Failed);
    assert_eq!(state.totals.acknowledged, 1);
}

#[tokio::test]
async fn p1_p2_after_a_failed_fsync_only_what_has_a_number_may_go_another_way() {
    let bench = Bench::new();
    let (spool, fails) = bench.failing(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    fails.store(true, Ordering::SeqCst);
    let (named, nameless) = tokio::join!(spool.keep(numbered(1, &[1])), spool.keep(loose(&[2])));
    assert_eq!(named.unwrap_err().held.unwrap().batch.sequence, 1);
    assert_eq!(nameless.unwrap_err().held, None, "it may be on the disk");
    // Nothing of what comes later is.
    let later = spool.keep(loose(&[3])).await.unwrap_err();
    assert_eq!(durations(&later.held.unwrap()), [3]);
}

#[tokio::test]
async fn p1_ends_that_can_no_longer_be_written_are_counted_once_and_held_no_more() {
    let bench = Bench::new();
    let (spool, fails) = bench.failing(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    for sequence in 1..4 {
        spool.keep(numbered(sequence, &[1, 2])).await.unwrap();
    }
    fails.store(true, Ordering::SeqCst);
    spool.keep(numbered(4, &[1])).await.unwrap_err();
    let taken = all(&spool).await;
    let ends = taken.iter().map(|it| acknowledged(it.ticket, 2, 2));
    spool.settle(ends.take(2).collect()).await;
    let state = settled(&spool).await;
    assert_eq!(state.health, Health::Failed);
    assert_eq!((state.batches, state.undelivered), (1, 1));
    assert_eq!(state.totals.recorded, 6);
    assert_eq!(state.totals.acknowledged + state.observations, 6);
}

/// Pages in the middle of the file are overwritten, as a disk does it.
#[tokio::test]
async fn p1_what_can_be_read_of_a_damaged_file_goes_on_and_the_rest_is_counted() {
    for is_open in [false, true] {
        // The first few hold the tables' roots: with these, everything may be gone.
        for page in [3, 4, 5, 10, 14, 20] {
            let bench = Bench::new();
            let spool = bench.open();
            let many: Vec<u64> = (0..100).collect();
            for sequence in 1..=100 {
                spool.keep(numbered(sequence, &many)).await.unwrap();
            }
            spool.close().await;
            let spool = is_open.then(|| bench.open());
            bench.overwrite(page);
            let spool = spool.unwrap_or_else(|| bench.open());
            let found = emptied(&spool).await;
            let state = settled(&spool).await;
            let place = format!("page {page}, open: {is_open}: {state:?}");
            assert!(
                page <= 5 || found.len() >= 90,
                "{} batches, {place}",
                found.len()
            );
            let mut sequences: Vec<_> = found.iter().map(|it| it.held.batch.sequence).collect();
            sequences.dedup();
            assert_eq!(sequences.len(), found.len(), "{place}");
            assert!(sequences.is_sorted(), "{place}");
            let lost = state.totals.dropped.get("spool_damaged").copied();
            let told = state.totals.acknowledged + lost.unwrap_or(0);
            assert_eq!((state.totals.recorded, told), (10_000, 10_000), "{place}");
            spool.keep(numbered(101, &[1])).await.unwrap();
            let load = spool.load(0, u64::MAX).await.unwrap();
            assert!(load.batches[0].ticket > 100, "a ticket was given twice");
        }
    }
}

/// Or an agent could not start again once a disk is full.
#[tokio::test]
async fn p6_opening_a_spool_writes_nothing() {
    let (bench, copy) = (Bench::new(), Bench::new());
    let spool = bench.open();
    spool.keep(numbered(1, &[1])).await.unwrap();
    let names = ["db", "db-wal"];
    for name in names {
        let (from, to) = (bench.file(), copy.file());
        std::fs::copy(from.with_extension(name), to.with_extension(name)).unwrap();
    }
    let bytes = || names.map(|name| std::fs::read(copy.file().with_extension(name)).unwrap());
    let before = bytes();
    let again = copy.open();
    assert!(bytes() == before, "it has written");
    assert_eq!(all(&again).await.len(), 1);
}
