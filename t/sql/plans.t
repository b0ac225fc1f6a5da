#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Every statement finds its rows by an index, in tables with some thousand rows; docs/database.md lists every statement, with the index
# that MariaDB really takes; and none uses what engines that only speak like MySQL do not have.
use strict;
use warnings;
use BATest -own;

plan skip_all => 'needs MariaDB' if $ENV{BA_SITES};

my $SRC = BATest::state()->{srcdir};
sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!\n"; local $/; return <$in> }

# id => text, as t/lint/statements.t reads them
my (%sql, @ids);
{
    my $rows = slurp("$SRC/sql/mysql/statements.h");
    $rows =~ s{^\s*/\*.*?\*/}{}gms;
    while ($rows =~ /\[BA_SQL_(\w+)\]\s*=((?:\s*"(?:\\.|[^"\\])*")+)\s*,/g) {
        my ($id, $strings) = ($1, $2);
        push @ids, $id;
        $sql{$id} = (join '', $strings =~ /"((?:\\.|[^"\\])*)"/g) =~ s{/\*.*?\*/}{}gr;
    }
}
cmp_ok(scalar @ids, '>=', 44, scalar(@ids) . ' statements');

# --- Plans

my $db = mariadb();
my $DATABASE = 'ba_plans_' . flavour();
$db->create($DATABASE, schema('mysql'));
my $N = 3000;
$db->sql(<<"END", $DATABASE);
SET SESSION sql_mode = 'STRICT_ALL_TABLES';
INSERT INTO user (id, name, email) SELECT CONCAT('u', LPAD(seq, 6, '0')), 'x', CONCAT('u', seq, '\@example.com') FROM seq_1_to_$N;
INSERT INTO account (id, accountId, providerId, userId, password) SELECT CONCAT('a', LPAD(seq, 6, '0')), CONCAT('u', LPAD(seq, 6, '0')), 'credential', CONCAT('u', LPAD(seq, 6, '0')), 'x' FROM seq_1_to_$N;
INSERT INTO session (id, token, userId, expiresAt) SELECT CONCAT('s', LPAD(seq, 6, '0')), CONCAT('t', seq), CONCAT('u', LPAD(1 + seq % $N, 6, '0')), '2030-01-01' FROM seq_1_to_15000;
INSERT INTO verification (id, identifier, value, expiresAt) SELECT CONCAT('v', LPAD(seq, 6, '0')), CONCAT('i', seq), 'x', '2030-01-01' FROM seq_1_to_$N;
INSERT INTO ba_mail (id, site, sender, recipient, message, createdAt, dueAt) SELECT CONCAT('m', LPAD(seq, 6, '0')), 'http://auth.test', 'x', CONCAT('u', seq, '\@example.com'), 'x', '2026-01-01',
    IF(seq % 300, NULL, '2026-01-01') FROM seq_1_to_$N;
ANALYZE TABLE user, account, session, verification, ba_mail;
END

# A row that is there, by the column that a value is compared with.
my %VALUE = (userId => 'u000100', token => 't100', email => 'u100@example.com', identifier => 'i100', recipient => 'u100@example.com', site => 'http://auth.test',
    password => 'x', (map { $_ => '2026-01-01' } qw(expiresAt createdAt updatedAt dueAt sentAt)));
my %ID = (user => 'u000100', session => 's000100', account => 'a000100', verification => 'v000100', ba_mail => 'm000100');

sub filled {
    my ($id) = @_;
    my $text = $sql{$id};
    my ($table) = $text =~ /(?:FROM|UPDATE|INTO) `(\w+)`/;
    my $from = $ID{$table};
    my $to = $from =~ s/100$/200/r;
    $text =~ s/`id` <= %s/`id` <= '$to'/g;
    $text =~ s/(`id`\s*(?:=|<>|>|<)\s*)%s/$1'$from'/g;
    $text =~ s/`(\w+)`(\s*(?:=|<>|>=|<=|>|<)\s*)%s/"`$1`$2'" . ($VALUE{$1} \/\/ 1) . "'"/ge;
    $text =~ s/%s/'1'/g;
    return $text;
}

# betterauthctl reads all users, 200 at a time: MariaDB may then sort a small table.
my %SCANS = (USERS => 1);

my %plan;
for my $id (@ids) {
    next if $id =~ /^(?:BEGIN|COMMIT|ROLLBACK)$/ || $sql{$id} =~ /^INSERT INTO .* VALUES/;
    my (@uses, @scans);
    for my $row ($db->sql('EXPLAIN ' . filled($id), $DATABASE)) {
        my (undef, $kind, $table, $type, undef, $key, undef, undef, undef, $extra) = map { $_ // '' } @$row;
        next if $table =~ /^<derived/ || $kind eq 'INSERT' || $extra =~ /^(?:No tables used|Select tables optimized away)/;    # rows found already
        push @scans, "$table by $type: $extra" if $type eq 'ALL' || $type eq 'index' || !$key;
        push @uses, "$table " . ($key || $type);
    }
    my %seen;
    $plan{$id} = join ', ', grep { !$seen{$_}++ } @uses;
    ok((!@scans || $SCANS{$id}) && @uses, "$id: $plan{$id}") or diag join '; ', @scans, filled($id);
}

# --- docs/database.md

my (%documented, @order);
for my $line (split /\n/, slurp("$SRC/docs/database.md")) {
    my ($id, @cells) = $line =~ /^\| `([A-Z_]+)` \|/ ? map { s/^\s+|\s+$//gr } split /\|/, $line =~ s/^\|//r : next;
    $id = $id =~ s/`//gr;
    push @order, $id;
    $documented{$id} = { what => $cells[0], index => $cells[1] =~ s/`//gr };
}
is_deeply([sort @order], [sort @ids], 'docs/database.md has each statement once');
# "user PRIMARY or email": either finds one row, and which is taken depends on what is in the tables
for my $id (sort keys %plan) {
    my $pattern = join ', ', map { my ($table, $keys) = split / /, $_, 2; "$table (?:" . join('|', split / or /, $keys // '') . ')' } split /, /, $documented{$id}{index} // '';
    like($plan{$id}, qr/\A$pattern\z/, "$id goes by the index that is written there");
}

# --- What else speaks like MySQL

# Each is a thing that TiDB or Vitess does not have, or has had for a short time, or that means something else there.
my %LACKING = (
    'AUTO_INCREMENT' => qr/AUTO_INCREMENT|LAST_INSERT_ID/i, 'a stored program' => qr/\b(?:CALL|TRIGGER|PROCEDURE|FUNCTION|EVENT)\b/i,
    'a lock by name' => qr/\b(?:GET_LOCK|LOCK TABLES)\b/i, 'a user variable' => qr/\@\w/, 'a shared lock' => qr/LOCK IN SHARE MODE|FOR SHARE/i,
    'several tables changed at once' => qr/^(?:UPDATE|DELETE)\b[^(]*\bJOIN\b/i, 'REPLACE, or ON DUPLICATE KEY' => qr/^REPLACE\b|ON DUPLICATE KEY/i,
    'RETURNING' => qr/\bRETURNING\b/i, 'a window' => qr/\bOVER\s*\(/i, 'WITH' => qr/^WITH\b/i, 'FULLTEXT or spatial' => qr/\b(?:MATCH|ST_\w+)\s*\(/i,
    'a change of all rows' => qr/^(?:UPDATE|DELETE)\b(?!.*\bWHERE\b)/i, 'SKIP LOCKED' => qr/SKIP LOCKED|NOWAIT/i, 'SAVEPOINT' => qr/SAVEPOINT/i,
);
for my $what (sort keys %LACKING) {
    is(join(' ', grep { $sql{$_} =~ $LACKING{$what} } @ids), '', "no statement has $what");
}

done_testing;
