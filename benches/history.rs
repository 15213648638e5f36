//! How long each part of the pipeline takes, and whether it stays linear: `cargo bench --bench history`.

mod common;

use std::hint::black_box;
use std::time::Duration;

use analysis::Document;
use analysis::history::History;
use analysis::schema::timeline::Timeline;
use analysis::settings::Settings;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};

const SIZES: [usize; 3] = [10, 100, 1000];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
}

fn bytes(history: &History) -> u64 {
    history.migrations.iter().map(|file| file.text.len() as u64).sum()
}

fn read(history: &History) -> Vec<Document> {
    history.migrations.iter().map(analysis::read).collect()
}

fn measure(criterion: &mut Criterion) {
    let settings = Settings::default();
    for size in SIZES {
        let history = common::history(size);
        let documents = read(&history);
        let mut context = history.clone();
        for file in &mut context.migrations {
            file.judged = false;
        }
        let id = BenchmarkId::from_parameter(size);

        let mut group = criterion.benchmark_group("parse");
        configure(&mut group, &history);
        group.bench_function(id.clone(), |bencher| bencher.iter(|| black_box(read(&context))));
        group.finish();

        let mut group = criterion.benchmark_group("parse and look for syntax errors");
        configure(&mut group, &history);
        group.bench_function(id.clone(), |bencher| bencher.iter(|| black_box(read(&history))));
        group.finish();

        let mut group = criterion.benchmark_group("replay");
        configure(&mut group, &history);
        group.bench_function(id.clone(), |bencher| {
            bencher.iter(|| black_box(Timeline::replay(&history, &documents, &settings)));
        });
        group.finish();

        let mut group = criterion.benchmark_group("lint");
        configure(&mut group, &history);
        group.bench_function(id, |bencher| {
            bencher.iter(|| black_box(analysis::check(&history, &documents, &settings)));
        });
        group.finish();
    }
}

fn configure(group: &mut BenchmarkGroup<'_, WallTime>, history: &History) {
    group
        .throughput(Throughput::Bytes(bytes(history)))
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
}
