# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# A large site against a small one, the database asked at each request; and how the database runs each statement.

use strict;
use warnings;
use Bench;

my ($USERS, $SESSIONS) = split /,/, $ENV{BA_PEOPLE} || '1000000,5000000';
my $SAMPLE = 100_000;    # sessions that wrk draws from

database('--innodb-buffer-pool-size=2G', '--innodb-log-file-size=512M');
users_by_sql(1000, 5000);

# The small site is measured from a database of its own on the same server.
$mariadb->create('large', sort glob "$SRC/sql/mysql/[0-9]*.sql");
{
    my $sql = \&BATest::MariaDB::sql;
    no warnings 'redefine';
    local *BATest::MariaDB::sql = sub { my ($self, $text, $database) = @_; return $sql->($self, $text, $database ? 'large' : undef) };
    users_by_sql($USERS, $SESSIONS);
}
$mariadb->sql('ANALYZE TABLE user, session, account', $_) for qw(bench large);
my $params = $mariadb->dbd_params_socket('large');
httpd('httpd', sites => { few => 'BetterAuthSessionCache off', many => "DBDParams \"$params\"\nBetterAuthSessionCache off" });
my %script = (few => cookie_script('few', 0 .. 4999), many => cookie_script('many', map { int rand $SESSIONS } 1 .. $SAMPLE));
sub of { my ($site, $path) = @_; return wrk($READERS, $port{$site}, $path, $script{$site}) }

rounds(
    few          => sub { of('few', '/members/page.html') },
    many         => sub { of('many', '/members/page.html') },
    few_session  => sub { of('few', '/api/auth/get-session') },
    many_session => sub { of('many', '/api/auth/get-session') },
);
describe(number($USERS) . ' users with ' . number($SESSIONS) . " sessions, against 1000 with 5000, in the same MariaDB "
    . "(buffer pool 2 GiB). Each\nrequest with the cookie of one of $SAMPLE sessions. $READERS connections, kept alive.\n");
table(
    ['guarded page, large ÷ small', 'many', 'few', '0.8'],
    ['`get-session`, large ÷ small', 'many_session', 'few_session'],
);

# EXPLAIN of every statement.
open my $in, '<', "$SRC/sql/mysql/statements.h" or die "statements.h: $!\n";
my $text = do { local $/; <$in> };
print "\nHow MariaDB runs each statement on the large site:\n\n";
row('statement', 'access by', 'rows looked at');
row('---', '---', '--:');
my @scans;
my ($user) = map { $_->[0] } $mariadb->sql('SELECT id FROM user LIMIT 1', 'large');
my %known = (token => token_of(1), email => 'u1@example.com', userId => $user, id => $user);
while ($text =~ /\[BA_SQL_(\w+)\]\s*=\s*((?:\s*"(?:[^"\\]|\\.)*")+)/g) {
    my ($name, $parts) = ($1, $2);
    my $sql = join '', $parts =~ /"((?:[^"\\]|\\.)*)"/g;
    next unless $sql =~ /^(?:SELECT|UPDATE|DELETE)/;
    $sql =~ s{/\*.*?\*/}{}g;
    $sql =~ s/CAST\(%s AS UNSIGNED\)/10/g;
    $sql =~ s/`(\w+)` = \K%s/"'" . ($known{$1} \/\/ '2026-01-01 00:00:00.000') . "'"/ge;
    $sql =~ s/%s/'2026-01-01 00:00:00.000'/g;
    my @plan = map { my @of = @$_; { table => $of[2], type => $of[3], key => $of[5], rows => $of[8], extra => $of[9] } }
        $mariadb->sql("EXPLAIN $sql", 'large');
    my @by = map { $_->{table} ? "$_->{table}: $_->{type}" . ($_->{key} ? " $_->{key}" : '') : lc($_->{extra} // '') } @plan;
    push @scans, $name if grep { $_->{table} && $_->{table} !~ /^</ && $_->{type} =~ /^(?:ALL|index)$/ && !$_->{key} } @plan;
    row(lc($name =~ tr/_/-/r), join(', ', @by), join ', ', map { $_->{rows} // '' } grep { $_->{table} } @plan);
}
print "\n", @scans ? 'Whole tables are read by: ' . lc(join ', ', @scans) . ".\n" : "No statement reads a whole table.\n";
report_log('httpd');
1;
