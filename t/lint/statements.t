#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# SQL lives under sql/, the same statements and tables in every dialect, and nowhere else.

use strict;
use warnings;
use File::Basename qw(basename);
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";
my @DIALECTS = map { basename($_) } sort grep { -d } glob "$SRC/sql/*";

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    $text =~ s{/\*.*?\*/}{}gs;
    return $text;
}

is("@DIALECTS", 'mysql sqlite3', 'the dialects we know');

# --- Statements

my $header = slurp("$SRC/modules/store/ba_db.h");
my ($enum) = $header =~ /typedef\s+enum\s*\{([^}]*)\}\s*ba_sql;/ or die 'no enum ba_sql';
my @ids = grep { $_ ne 'BA_SQL_COUNT' } $enum =~ /\b(BA_SQL_\w+)/g;
my (%text, %count, %select);
for my $dialect (@DIALECTS) {
    my $rows = slurp("$SRC/sql/$dialect/statements.h");
    while ($rows =~ /\[(BA_SQL_\w+)\]\s*=((?:\s*"(?:\\.|[^"\\])*")+)\s*,/g) {
        my ($id, $strings) = ($1, $2);
        $count{$dialect}{$id}++;
        $text{$dialect}{$id} = join '', $strings =~ /"((?:\\.|[^"\\])*)"/g;
    }
    is_deeply([sort keys %{ $count{$dialect} }], [sort @ids], "$dialect: one row for each id of ba_db.h");
    is(join(' ', grep { $count{$dialect}{$_} > 1 } sort keys %{ $count{$dialect} }), '', "$dialect: no id twice");
    is(scalar(() = $rows =~ /^\s*\[/mg), scalar @ids, "$dialect: every row has been understood");

    for my $id (@ids) {
        my $sql = $text{$dialect}{$id} // next;
        # Dates travel as text; the clock is ours (http-api 1.3).
        unlike($sql, qr/\b(?:NOW|CURRENT_TIMESTAMP|CURRENT_DATE|SYSDATE|UNIX_TIMESTAMP|FROM_UNIXTIME|strftime|datetime|julianday)\b/i,
            "$dialect $id asks no clock");
        unlike($sql, qr/%(?!s)/, "$dialect $id binds strings only");
        unlike($sql, qr/'%s'|\bLIKE\b|;\s*\S/i, "$dialect $id binds, and is one statement");
        $select{$id} = $1 if $dialect eq 'mysql' && $sql =~ /^SELECT (.*?) FROM /;
        unlike($sql, qr/\*/, "$dialect $id names its columns");
        # What is bound in one order in C must be bound in the same order in each dialect.
        (my $shape = $sql) =~ s/\\?["`]//g;
        $text{$dialect}{$id} = { columns => [$shape =~ /(\w+(?:\.\w+)?)\s*=\s*%s/g], args => scalar(() = $shape =~ /%s/g) };
    }
}
# apr_dbd_mysql takes 256 KiB of the pool for a TEXT column, unless it is cut first. These two are read whole: an image that
# LOGIN and SESSION have cut, and a mail.
my %WHOLE = (BA_SQL_IMAGE => 'image', BA_SQL_MAIL_MESSAGE => 'message');
my %is_text = map { $_ => 1 } map { my $sql = slurp($_); $sql =~ /^\s*`(\w+)` (?:medium|long)?text\b/mgi } glob "$SRC/sql/mysql/[0-9]*.sql";
cmp_ok(scalar keys %is_text, '>', 8, 'columns that are TEXT: ' . join ' ', sort keys %is_text);
for my $id (sort keys %select) {
    my $list = $select{$id};
    1 while $list =~ s/\([^()]*\)//g;
    is(join(' ', grep { $is_text{$_} } $list =~ /`(\w+)`/g), $WHOLE{$id} // '', "mysql $id reads no bare TEXT column");
}
cmp_ok(scalar keys %select, '>', 10, scalar(keys %select) . ' statements read columns');
is_deeply($text{sqlite3}{$_}, $text{mysql}{$_}, "$_ binds the same in both dialects") for @ids;

# Marks for the operator's own columns (ba_db_int.h): comments inside of the strings
my %marks;
for my $dialect (@DIALECTS) {
    open my $in, '<', "$SRC/sql/$dialect/statements.h" or die;
    my $id = '';
    while (my $line = <$in>) {
        $id = $1 if $line =~ /^\[(BA_SQL_\w+)\]/;
        next unless $line =~ /^\s+"|=\s*"/;
        push @{ $marks{$dialect} }, "$id $1" while $line =~ m{/\*(.*?)\*/}g;
    }
    is(join(', ', grep { !/ (?:user|session)(?::\w?|[+?=])$/ } @{ $marks{$dialect} }), '', "$dialect: every mark is known");
}
is_deeply($marks{sqlite3}, $marks{mysql}, 'the same marks in both dialects');
cmp_ok(scalar @{ $marks{mysql} }, '>=', 10, 'marks seen');

my $code = slurp("$SRC/modules/store/ba_db.c");
my %label = $code =~ /\[(BA_SQL_\w+)\]\s*=\s*"(betterauth:[\w-]+)"/g;
my @prepared = grep { !/_(?:BEGIN|COMMIT|ROLLBACK)$/ } @ids;
is_deeply([sort keys %label], [sort @prepared], 'every prepared statement has a label');
my %seen;
is(join(' ', grep { $seen{$_}++ } values %label), '', 'no label twice');
my $store = join '', map { slurp($_) } glob "$SRC/modules/store/*.c";
is(join(' ', grep { my $id = $_; 2 > (() = $store =~ /\b$id\b/g) } @prepared), '', 'every statement is used');

# --- Tables

my %schema;
for my $dialect (@DIALECTS) {
    my @steps = map { basename($_) } sort glob "$SRC/sql/$dialect/*.sql";
    push @{ $schema{steps}{$dialect} }, @steps;
    like($_, qr/^\d{3}-[a-z-]+\.sql$/, "$dialect: $_ is a numbered step") for @steps;
    for my $step (@steps) {
        open my $in, '<', "$SRC/sql/$dialect/$step" or die "$step: $!\n";
        my $sql = do { local $/; <$in> };
        $sql =~ s/--.*//g;
        while ($sql =~ /CREATE TABLE (?:IF NOT EXISTS )?[`"](\w+)[`"]\s*\(((?:[^()']|'[^']*'|\([^()]*\))*)\)/gi) {
            my ($table, $body) = ($1, $2);
            $schema{tables}{$dialect}{$table} = [sort $body =~ /(?:^|,)\s*[`"](\w+)[`"]\s+\w/g];
        }
        unlike($sql, qr/AUTO_?INCREMENT/i, "$dialect: $step numbers nothing by itself");
    }
}
is_deeply($schema{steps}{sqlite3}, $schema{steps}{mysql}, 'the same steps in both dialects');
is_deeply($schema{tables}{sqlite3}, $schema{tables}{mysql}, 'the same tables and columns in both dialects');
cmp_ok(scalar keys %{ $schema{tables}{mysql} }, '>=', 4, 'tables seen: ' . join ' ', sort keys %{ $schema{tables}{mysql} });

# --- Nowhere else

for my $file ("$SRC/mod_betterauth.c", sort glob "$SRC/modules/*/*.[ch]") {
    my $text = slurp($file);
    my @sql = grep { /\b(?:SELECT|INSERT\s+INTO|REPLACE\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|START\s+TRANSACTION|BEGIN|COMMIT|ROLLBACK|PRAGMA|SET\s+(?:NAMES|SESSION)|(?:CREATE|ALTER|DROP)\s+TABLE)\b/ }
        $text =~ /"((?:\\.|[^"\\\n])*)"/g;
    is("@sql", '', substr($file, length "$SRC/") . ' has no SQL');
}

done_testing;
