use sextant_tests::page::endpoints;
use sextant_tests::process::{Process, run};

const PATH: &str = "/api/v1/observations";

fn good(completed_at: &str) -> String {
    format!(
        r#"{{"model":"a/b","provider":"p","completed_at":"{completed_at}","outcome":"ok","duration_ms":5}}"#
    )
}

/// Fault matrix rows 15 and 16.
#[test]
fn hostile_observations_are_refused_by_index_and_the_rest_counts() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::standalone(folder.path());
    let fine = good("2026-11-22T00:00:00Z");
    let lines = [
        fine.clone(),
        fine.replace(":5", ":NaN"),
        fine.replace(":5", ":-5"),
        fine.replace("a/b", "а/b"),
        fine.replace("\"p\"", "\"<script>alert(1)</script>\""),
        fine.replace("a/b", &"x".repeat(65_536)),
        fine.replace("\"ok\"", "\"fine\""),
        fine.clone(),
    ];
    let (status, answer) = server.post(PATH, &[], &lines.join("\n"));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["accepted"], 2, "{answer}");
    assert_eq!(answer["deduplicated"], false, "{answer}");
    let refused = answer["rejected"].as_array().unwrap();
    let indices: Vec<_> = refused
        .iter()
        .map(|r| r["index"].as_u64().unwrap())
        .collect();
    assert_eq!(indices, [1, 2, 3, 4, 5, 6]);
    assert!(
        refused
            .iter()
            .all(|r| r["reason"].as_str().is_some_and(|text| text.len() > 10))
    );
    assert!(
        !answer.to_string().contains("<script>"),
        "nothing hostile comes back"
    );
}

#[test]
fn a_batch_with_an_identity_counts_once_however_often_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::standalone(folder.path());
    let headers = [
        ("Sextant-Agent", "curl"),
        ("Sextant-Epoch", "7"),
        ("Sextant-Sequence", "1"),
    ];
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let at = sextant_wire::json::rfc3339(sextant_measure::time::Timestamp::from_micros(
        i64::try_from(now.as_micros()).unwrap(),
    ));
    for _ in 0..3 {
        let (status, answer) = server.post(PATH, &headers, &good(&at));
        assert_eq!(
            (status, &answer["deduplicated"]),
            (200, &true.into()),
            "{answer}"
        );
    }
    assert_eq!(endpoints(&server, "a/b", 1).len(), 1);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(endpoints(&server, "a/b", 1).len(), 1);
    let (status, problem) = server.post(PATH, &headers[..2], &good(&at));
    assert_eq!(status, 400, "{problem}");
}

#[test]
fn what_is_not_there_is_said_helpfully() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::standalone(folder.path());
    let (status, problem) = server.request("/api/v1/models/meta-llama/llama-4-scot/endpoints");
    assert_eq!(status, 404, "{problem}");
    assert!(problem.to_string().contains("llama-4-scout"), "{problem}");
    let (status, _) = server.request("/api/v1/%00%3Cscript%3E");
    assert_eq!(status, 404);
}

/// Fault matrix row 21.
#[test]
fn a_bad_configuration_is_refused_whole_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sextant.toml");
    std::fs::write(
        &file,
        "[http]\nlisten = \"nowhere\"\n\n[log]\npartitionz = 4\n",
    )
    .unwrap();
    let output = run(&["standalone", "--config", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    for part in [
        "sextant.toml:2",
        "http.listen",
        "sextant.toml:5",
        "partitionz",
        "partitions",
    ] {
        assert!(said.contains(part), "{part} in: {said}");
    }
}

#[test]
fn two_processes_never_share_a_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let _first = Process::standalone(folder.path());
    let output = run(&[
        "standalone",
        "--data-dir",
        data,
        "--http",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(data), "{said}");
}
