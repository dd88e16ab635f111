//! What reading and printing a domain costs, per document and per byte.

#![allow(missing_docs, reason = "made by the macros of the harness")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, ParseFlags};
use oxivirt_tests::fixture;

fn parse(xml: &str) -> DomainDefinition {
    DomainDefinition::parse(xml, ParseFlags::INACTIVE, &NoHooks).expect("a valid document")
}

fn print(definition: &DomainDefinition) -> String {
    definition.format(FormatFlags::INACTIVE).expect("printable")
}

fn domain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("domain");
    for lines in [100, 1_000] {
        let xml = fixture::guest_of_lines("test", "bench", 1, lines);
        let definition = parse(&xml);
        group.throughput(Throughput::Bytes(xml.len() as u64));
        group.bench_with_input(BenchmarkId::new("parse", lines), &xml, |bencher, xml| {
            bencher.iter(|| parse(black_box(xml)));
        });
        group.bench_with_input(BenchmarkId::new("parse and format", lines), &xml, |bencher, xml| {
            bencher.iter(|| print(&parse(black_box(xml))));
        });
        group.throughput(Throughput::Bytes(print(&definition).len() as u64));
        group.bench_with_input(BenchmarkId::new("format", lines), &definition, |bencher, definition| {
            bencher.iter(|| print(black_box(definition)));
        });
    }
    group.finish();
}

criterion_group!(benches, domain);
criterion_main!(benches);
