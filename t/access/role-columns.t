#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# BetterAuthAdmin on a database without its columns: one line says what to load, 503 until it is loaded, and then no
# restart; the step itself: run twice, on tables of which some have the columns, and beside better-auth's own migration.
use strict;
use warnings;
use BATest -own;
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my %steps = map { my $d = $_; $d => [map { "$state->{srcdir}/sql/$d/00$_.sql" } qw(1-core 2-mail 3-admin)] } qw(mysql sqlite3);
my $flavour = flavour();
my $db = mariadb();
$db->create("ba_role_$flavour", @{ $steps{mysql} }[0, 1]);

my %name = (mysql => 'role-mysql', sqlite3 => 'role-sqlite');
my $folder = "$state->{workdir}/$name{sqlite3}-$flavour";
make_path($folder);
sub sqlite { my ($file, @steps) = @_; return BATest::MariaDB::_pipe(BATest::_slurp(@steps), 'sqlite3', '-bail', $file) }
sqlite("$folder/site.db", @{ $steps{sqlite3} }[0, 1]);

my %httpd = (
    mysql   => private_httpd(name => $name{mysql}, mariadb => $db, database => "ba_role_$flavour", extra => "    BetterAuthAdmin on\n"),
    sqlite3 => private_httpd(name => $name{sqlite3}, schema => 0, extra => "    BetterAuthAdmin on\n"),
);

for my $dialect (qw(mysql sqlite3)) {
    subtest $dialect => sub {
        my $site = $name{$dialect};
        my @lines = grep { /BA01(?:19|2\d|7\d)/ } log_lines($httpd{$dialect}->error_log);
        is(scalar @lines, 1, 'one line at start') or diag @lines;
        like($lines[0], qr/BA0172: the $dialect database lacks a column of BetterAuthAdmin \(.*(?:role|banned).*\): load sql\/$dialect\/003-admin\.sql; answering 503 until then/, 'which names the file');
        my $up = sub { return post($site, '/sign-up/email', { name => 'x', email => 'x@example.com', password => PASSWORD }) };
        is($up->()->{status}, 503, 'sign-up');
        is(request($site, GET => '/guarded/env', cookie => 'better-auth.session_token=' . signed('x' x 32))->{status}, 503, 'a guarded page');
        if ($dialect eq 'mysql') { $db->load("ba_role_$flavour", $steps{mysql}[2]) }
        else { sqlite("$folder/site.db", $steps{sqlite3}[2]) }
        is($up->()->{json}{user}{role}, 'user', 'the step is loaded: it works');
        is(request($site, GET => '/guarded/env', cookie => cookie_header(post($site, '/sign-in/email', { email => 'x@example.com', password => PASSWORD })))->{json}{BETTERAUTH_ROLE}, 'user', 'everywhere');
    };
}

subtest 'configtest' => sub {
    my $file = "$folder/old.db";
    sqlite($file, @{ $steps{sqlite3} }[0, 1]);
    my $conf = "TraceEnable off\nBetterAuthSecret @{[SECRET]}\nBetterAuthBaseURL http://a.test\nDBDriver sqlite3\nDBDParams $file\n<Location /api/auth>\nSetHandler betterauth\n</Location>\n";
    my $said = sub { my ($status, $output) = configtest($conf . $_[0]); return join ' ', $output =~ /BA0\d{3}/g };
    my $host = "<VirtualHost *:80>\nServerName a.test\n%s</VirtualHost>\n";
    is($said->("BetterAuthAdmin on\n"), 'BA0172', 'names the step');
    is($said->("BetterAuthAdmin on\n" . sprintf $host, ''), 'BA0172', 'once for all that share the database');
    is($said->(sprintf $host, "BetterAuthAdmin on\n"), 'BA0172', 'of a virtual host');
    is($said->(''), '', 'and not where it is off');
    sqlite($file, $steps{sqlite3}[2]);
    is($said->("BetterAuthAdmin on\n"), '', 'nor when it is loaded');
    is($said->("BetterAuthAdmin on\nBetterAuthField user nowhere string\n"), 'BA0127', 'own columns are looked at too');
};

subtest 'the step, for MySQL' => sub {
    my $columns = sub { return [map { join ' ', map { $_ // 'NULL' } @$_ } $db->sql("SELECT table_name, column_name, column_type, is_nullable, column_default, extra FROM information_schema.columns WHERE table_schema = '$_[0]' AND table_name IN ('user', 'session') ORDER BY table_name, ordinal_position")] };
    my $ours = $columns->("ba_role_$flavour");
    $db->load("ba_role_$flavour", @{ $steps{mysql} }) for 1, 2;
    is_deeply($columns->("ba_role_$flavour"), $ours, 'again: nothing changes');
    is(scalar(grep { /role|ban|impersonated/ } @$ours), 5, 'five columns');
    my $some = "ba_role_some_$flavour";
    $db->create($some, @{ $steps{mysql} }[0, 1]);
    $db->sql('ALTER TABLE user ADD COLUMN banned boolean, ADD COLUMN role varchar(99)', $some);
    $db->load($some, $steps{mysql}[2]);
    is_deeply([sort map { (split)[1] } @{ $columns->($some) }], [sort map { (split)[1] } @$ours], 'some are there: the others come');
    is((grep { /^user role/ } @{ $columns->($some) })[0], 'user role varchar(99) YES NULL ', 'and those stay');
    my $npm = "ba_role_npm_$flavour";
    $db->create($npm);
    system($state->{node}, "$state->{srcdir}/t/node/migrate.mjs", '127.0.0.1', $db->port, BATest::MariaDB::USER, BATest::MariaDB::PASSWORD, $npm, 'admin') == 0 or die 'migrate.mjs';
    my $theirs = $columns->($npm);
    my $of = sub { return [sort grep { /role|ban|impersonated/ } @{ $_[0] }] };
    is_deeply($of->($ours), $of->($theirs), 'the columns are those of better-auth');
    $db->load($npm, @{ $steps{mysql} });
    is_deeply($columns->($npm), $theirs, 'whose tables it leaves alone');
};

subtest 'the step, for SQLite' => sub {
    my $file = "$folder/twice.db";
    my $columns = sub { return BATest::MariaDB::_pipe(q{SELECT m.name, c.name, c.type, c."notnull", c.dflt_value FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.name IN ('user', 'session') ORDER BY 1, c.cid;}, 'sqlite3', $file) };
    sqlite($file, @{ $steps{sqlite3} });
    my $once = $columns->();
    like($once, qr/^user\|\Q$_\E\|0\|$/mi, "user: $_") for 'role|text', 'banned|integer', 'banReason|text', 'banExpires|date';    # as better-auth's migration
    like($once, qr/^session\|impersonatedBy\|text\|0\|$/mi, 'session');
    my $said = `sqlite3 '$file' <'$steps{sqlite3}[2]' 2>&1`;
    isnt($?, 0, 'again: its status is not 0');
    is(scalar(() = $said =~ /duplicate column name/g), 5, 'each column is there');
    is($columns->(), $once, 'and stays');
    $file = "$folder/some.db";
    sqlite($file, @{ $steps{sqlite3} }[0, 1]);
    BATest::MariaDB::_pipe('ALTER TABLE user ADD COLUMN banReason text;', 'sqlite3', $file);
    system("sqlite3 '$file' <'$steps{sqlite3}[2]' >/dev/null 2>&1");
    is(join("\n", sort split /\n/, $columns->()), join("\n", sort split /\n/, $once), 'some are there: the others come');
};

done_testing;
