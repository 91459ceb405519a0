//! What a process counts, as it is read.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::Process;

/// All metric families of a process, by the names under which they are queried.
#[derive(Debug, Default)]
pub struct Exposition {
    pub families: BTreeMap<String, Family>,
    samples: Vec<(String, f64)>,
}

/// A metric family.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Family {
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    pub help: String,
    /// Of all its samples; `le` is no label of a histogram's own.
    pub labels: BTreeSet<String>,
    pub has_samples: bool,
}

impl Exposition {
    /// Read at this moment.
    pub fn of(process: &Process) -> Self {
        Self::parse(&text(process))
    }

    /// From `OpenMetrics` text.
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        let (mut name, mut help) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(told) = line.strip_prefix("# HELP ") {
                told.split_once(' ').unwrap().1.clone_into(&mut help);
            } else if let Some(told) = line.strip_prefix("# TYPE ") {
                let (family, kind) = told.split_once(' ').unwrap();
                name = queried(family, kind);
                let family = Family {
                    kind: kind.to_owned(),
                    help: std::mem::take(&mut help),
                    ..Family::default()
                };
                let former = read.families.insert(name.clone(), family);
                assert_eq!(former, None, "{name} comes twice");
            } else if !line.starts_with('#') {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let family = read.families.get_mut(&name).unwrap();
                assert!(sample.starts_with(&name), "{sample} under {name}");
                family.has_samples = true;
                let own = labels(sample).into_iter().filter(|label| *label != "le");
                family.labels.extend(own.map(str::to_owned));
                read.samples
                    .push((sample.to_owned(), value.parse().unwrap()));
            }
        }
        read
    }

    /// The sum of a metric over all samples that have this in their labels.
    pub fn sum_where(&self, metric: &str, label: &str) -> f64 {
        let samples = self.samples.iter().filter(|(sample, _)| {
            let rest = sample.strip_prefix(metric);
            let is_it = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
            is_it && sample.contains(label)
        });
        samples.map(|(_, value)| value).sum()
    }

    /// The sum of a metric over all of its samples.
    pub fn sum(&self, metric: &str) -> f64 {
        assert!(self.families.contains_key(metric), "there is no {metric}");
        self.sum_where(metric, "")
    }
}

/// What it says at this moment.
pub fn text(process: &Process) -> String {
    let (status, text) = process.request("/metrics");
    assert_eq!(status, 200, "{text}");
    text.as_str().unwrap().to_owned()
}

/// The same in Prometheus' older text format, in which a counter's name has its suffix and there are
/// neither units nor infos.
pub fn classic(open_metrics: &str) -> String {
    let mut classic = String::new();
    let mut kinds = BTreeMap::new();
    for line in open_metrics.lines() {
        if let Some((family, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|told| told.split_once(' '))
        {
            kinds.insert(family, kind);
        }
    }
    for line in open_metrics.lines() {
        let told = ["# HELP ", "# TYPE "].map(|begins| line.strip_prefix(begins));
        let [help, kind] = told.map(|told| told.and_then(|told| told.split_once(' ')));
        let name = |family| queried(family, kinds.get(family).copied().unwrap_or_default());
        let line = match (help, kind) {
            (Some((family, help)), _) => format!("# HELP {} {help}", name(family)),
            (_, Some((family, "info"))) => format!("# TYPE {} gauge", name(family)),
            (_, Some((family, kind))) => format!("# TYPE {} {kind}", name(family)),
            _ if line.starts_with("# ") => continue,
            _ => line.to_owned(),
        };
        classic.push_str(&line);
        classic.push('\n');
    }
    classic
}

/// The name by which a family is asked for.
fn queried(family: &str, kind: &str) -> String {
    match kind {
        "counter" => format!("{family}_total"),
        "info" => format!("{family}_info"),
        _ => family.to_owned(),
    }
}

/// The names of a sample's labels. No value of ours has a quote in it.
fn labels(sample: &str) -> Vec<&str> {
    let Some((_, inside)) = sample.split_once('{') else {
        return Vec::new();
    };
    let parts = inside.split("=\"");
    let names = parts.map(|part| part.rsplit([',', '{', '"']).next().unwrap());
    let mut names: Vec<_> = names.collect();
    // What follows the last value.
    names.pop();
    names
}
