//! The table of a run.

/// Which direction is the good one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Better {
    More,
    Less,
}

/// Every sample by metric, in the order in which metrics first appeared.
#[derive(Default)]
pub(super) struct Report {
    metrics: Vec<Metric>,
}

struct Metric {
    name: String,
    unit: &'static str,
    better: Better,
    samples: [Vec<f64>; 2],
}

impl Report {
    /// Adds a sample of one side, 0 for ours and 1 for the other.
    pub(super) fn add(&mut self, side: usize, name: &str, unit: &'static str, better: Better, value: f64) {
        let known = self.metrics.iter().position(|metric| metric.name == name);
        let index = known.unwrap_or_else(|| {
            self.metrics.push(Metric { name: name.to_owned(), unit, better, samples: Default::default() });
            self.metrics.len() - 1
        });
        if let Some(samples) = self.metrics.get_mut(index).and_then(|metric| metric.samples.get_mut(side)) {
            samples.push(value);
        }
    }

    /// Medians and how many times better the first side is, one line per metric.
    pub(super) fn table(&self, first: &str, second: &str) -> String {
        let mut text = format!("{:<44} {:>12} {:>12}  {:<8} {:>7}\n", "", first, second, "", "better");
        for metric in &self.metrics {
            let [a, b] = [median(&metric.samples[0]), median(&metric.samples[1])];
            let times = match metric.better {
                Better::More => a / b,
                Better::Less => b / a,
            };
            text +=
                &format!("{:<44} {:>12} {:>12}  {:<8} {times:>6.2}x\n", metric.name, short(a), short(b), metric.unit);
        }
        text
    }
}

pub(super) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len().saturating_sub(1) / 2..=sorted.len() / 2).unwrap_or_default();
    middle.iter().sum::<f64>() / middle.len() as f64
}

/// Three digits that matter, or all before the point.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert!((median(&[4.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn ratios_say_how_many_times_better_the_first_is() {
        let mut report = Report::default();
        for value in [1.0, 3.0, 2.0] {
            report.add(0, "rate", "calls/s", Better::More, value * 100.0);
            report.add(1, "rate", "calls/s", Better::More, value * 50.0);
        }
        report.add(0, "memory", "MiB", Better::Less, 10.0);
        report.add(1, "memory", "MiB", Better::Less, 5.0);
        let table = report.table("a", "b");
        let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        assert!(row("rate").ends_with("2.00x"), "{table}");
        assert!(row("rate").contains(" 200 "), "{table}");
        assert!(row("memory").ends_with("0.50x"), "{table}");
    }
}
