#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Whoever falls to a deadlock is run again, and nobody hears of it: a statement alone, and a transaction. A cluster with
# several writers says the same of two that were at odds.
use strict;
use warnings;
use BATest;
use IPC::Open2 ();
use Time::HiRes qw(sleep time);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my ($site) = grep { dialect($_) eq 'mysql' } sites();
my $database = BATest::state()->{flavours}{ flavour() }{sites}{$site}{database};

# A client of the database that does one thing after another.
my $pid = IPC::Open2::open2(my $said, my $say, qw(mariadb --no-defaults --unbuffered --batch --skip-column-names -uroot -S), mariadb()->socket, $database);
$say->autoflush;
sub do_sql { my ($sql) = @_; print {$say} "$sql; SELECT 'done';\n"; local $SIG{ALRM} = sub { die "no answer to $sql\n" }; alarm 30; while (<$said>) { last if /^done/ } alarm 0 }

sub waits {
    my ($words) = @_;
    for (1 .. 50) {
        sleep 0.15 + rand 0.1;    # InnoDB shows what it knew before, unless nobody has looked for a tenth of a second
        return 1 if grep { ($_->[0] // '') =~ /$words/ } mariadb()->sql(qq{SELECT t.trx_query FROM information_schema.innodb_trx t
            JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = '$database'});
    }
    return 0;
}
sub deadlocks { return (mariadb()->sql(q{SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'}))[0][1] }

# The request gets so far that it waits for us, then we ask for what it holds. It has changed less, so it is the one to fall.
sub collide {
    my ($request, $waits_in, $hold, $ask) = @_;
    my $before = deadlocks();
    do_sql('START TRANSACTION');
    do_sql(q{INSERT INTO verification (id, identifier, value) SELECT CONCAT('deadlock-', seq), 'x', 'x' FROM seq_1_to_200});
    do_sql($hold);
    pipe my $in, my $out or die;
    my $child = fork // die;
    if (!$child) {
        my $answer = $request->();
        syswrite $out, $answer ? "$answer->{status} $answer->{body}" : 'none';
        POSIX::_exit(0);
    }
    close $out;
    ok(waits($waits_in), 'it waits for a lock');
    do_sql($ask);
    do_sql('ROLLBACK');
    my $got = do { local $/; <$in> };
    waitpid $child, 0;
    cmp_ok(deadlocks() - $before, '>=', 1, 'it fell to a deadlock');    # other lanes may have some too
    return $got;
}

clean($site);
subtest 'a statement alone' => sub {
    my $user = sign_up($site);
    post($site, '/sign-in/email', { email => $user->{email}, password => PASSWORD }) for 1 .. 3;
    my ($first, $last) = map { $_->[0] } (sql($site, "SELECT id FROM session FORCE INDEX (session_userId_idx) WHERE userId = '$user->{user}{id}'"))[0, -1];
    my $got = collide(sub { post($site, '/revoke-sessions', {}, cookie => $user->{cookie}) }, 'DELETE FROM `session`',
        "SELECT id FROM session WHERE id = '$last' FOR UPDATE", "SELECT id FROM session WHERE id = '$first' FOR UPDATE");
    is($got, '200 {"status":true}', 'and is run again');
    is(session_count($site), 0, 'the sessions are over');
};

subtest 'a transaction' => sub {
    my $user = sign_up($site);
    my $id = $user->{user}{id};
    my $got = collide(sub { post($site, '/change-password', { currentPassword => PASSWORD, newPassword => 'another one of them', revokeOtherSessions => \1 }, cookie => $user->{cookie}) },
        'DELETE FROM `session`', "SELECT id FROM session WHERE userId = '$id' FOR UPDATE", "SELECT id FROM account WHERE userId = '$id' FOR UPDATE");
    like($got, qr/^200 /, 'and is run again');
    is(post($site, '/sign-in/email', { email => $user->{email}, password => 'another one of them' })->{status}, 200, 'the new password is the password');
};

print {$say} "quit\n";
close $say;
waitpid $pid, 0;
clean($site);
done_testing;
