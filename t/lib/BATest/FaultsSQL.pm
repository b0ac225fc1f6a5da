# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::FaultsSQL;

# Statements that fail: by chance under load, and each of them in turn. BATest::Wire answers in place of the server.

use strict;
use warnings;
use BATest::Clients;
use Time::HiRes qw(sleep time);

# Denied, a deadlock, a lock that was waited for too long, no writes, a query that took too long, no space; and the
# connection gone before and after.
my @NOISE = qw(1142 1213 1205 1290 1969 1114 cut after);

sub noise {
    my ($w) = @_;
    $w->{wire}->does('noise=15:' . join ',', @NOISE);
    my ($start, %n) = (time);
    do {    # until each of them was met, which takes its time on a busy machine
        sleep 1;
        %n = ();
        $n{ $_->[1] }++ for $w->{wire}->fired;
    } until time > $start + 5 && keys %n == @NOISE || time > $start + 30;
    $w->{wire}->does('pass');
    return !(grep { !$n{$_} } @NOISE) && 'failed: ' . join ', ', map { "$n{$_} times $_" } sort keys %n;
}

# Requests, each of one visitor: name, and code, from (client, person), who has a session; 1: and keeps it.
my @REQUESTS = (
    ['sign-up', sub { $_[0]->sign_up(1) }, 1],
    ['sign-up of an address that is taken', sub { local $_[0]{born} = $_[0]{born} - 1; $_[0]->sign_up(1) }, 1],
    ['sign-in', sub { $_[0]->sign_in($_[1]) }, 1],
    ['get-session', sub { $_[0]->probe($_[1]{sessions}[-1]) }, 1],
    ['guarded page', sub { $_[0]->page($_[1]{sessions}[-1]) }, 1],
    ['sign-out', sub { $_[0]->sign_out($_[1]) }],
    ['revoke-sessions', sub { $_[0]->revoke($_[1]) }],
    ['reset', sub { $_[0]->reset($_[1]) }],
    ['verify-email', sub { $_[0]->verify($_[1]) }],
    ['delete-user', sub { $_[0]->delete($_[1]) }],
    (map { my ($method, $path, $body) = @$_; [$path =~ s{^/}{}r, sub { $_[0]->other($_[1], $method, $path, $body) }, $path !~ /change/] }
        [GET => '/list-sessions'], [GET => '/list-accounts'], [POST => '/update-user', { name => 'y' }], [POST => '/update-session', {}],
        [POST => '/revoke-other-sessions', {}], [POST => '/send-verification-email', { email => 'nobody@example.com' }],
        [POST => '/change-password', { currentPassword => BATest::Clients::PASSWORD, newPassword => 'a new correct horse' }],
        [POST => '/change-email', { newEmail => 'changed-@N@@example.com' }]),
);

# Once is what a client never notices if the statement is made again; often is what it must be told.
my @ERRORS = ([1142, 1], [1213, 1], [1213, 9], [1062, 1], ['cut', 1], ['after', 1]);

# The task in the background has the same wire. What it says is met by the noise.
sub is_of_task { $_[0] =~ /`ba_mail`(?!.*FROM DUAL)|ORDER BY `id` LIMIT 500|`id` > \?/ }

# Somebody with a session, made anew unless the last one will do: when the server is well again.
sub person {
    my ($client, $last) = @_;
    for (1 .. 60) {
        if ($last && @{ $last->{sessions} }) {
            my ($answer) = $client->at_once(BATest::Clients::api(1, GET => '/get-session', undef, $last->{sessions}[-1]{cookie}));
            return $last if ($answer->{status} // 0) == 200;
            sleep 0.1;
            next;
        }
        my $n = @{ $client->{people} };
        $client->sign_up(1);
        return $client->{people}[-1] if @{ $client->{people} } > $n;
        sleep 0.1;
    }
    die "nobody can sign up any more\n";
}

# The statements of a request on a new connection, in order.
sub statements_of {
    my ($w, $client, $code) = @_;
    my $who = person($client);
    $w->{wire}->forget->cut('note');
    $code->($client, $who);
    $w->{wire}->does('pass');
    my %seen;
    return grep { !$seen{ $_->[0] }++ && !is_of_task($_->[1]) } $w->{wire}->statements;
}

# All statements of sql/mysql/statements.h, as the server gets them.
sub all_statements {
    my ($w) = @_;
    open my $in, '<', "$w->{src}/sql/mysql/statements.h" or die;
    my $text = do { local $/; <$in> };
    my @all;
    while ($text =~ /^\[(BA_SQL_\w+)\] =\s*((?:\s*"[^"\n]*")+)/mg) { push @all, [$1, join '', $2 =~ /"([^"\n]*)"/g] }
    return map { [$_->[0], plain($_->[1])] } @all;
}
sub plain { return $_[0] =~ s{/\*.*?\*/}{}gr =~ s/%s/?/gr =~ s/\s+/ /gr }

sub each_statement {
    my ($w) = @_;
    my ($cases, $met, $seconds, %done, %seen) = (0, 0, time);
    # its mails wait for the same wire
    my %prefix = (reset => 'reset-password:', delete => 'delete-account-');
    my $client = $w->client('each', mailed => sub {
        my ($who, $kind) = @_;
        my ($row) = $w->sql("SELECT identifier FROM verification WHERE value = '$who->{id}' AND identifier LIKE '$prefix{$kind}%' ORDER BY createdAt DESC");
        return $row && substr $row->[0], length $prefix{$kind};
    });
    for my $request (@REQUESTS) {
        my ($name, $code, $keeps) = @$request;
        my $who;
        for my $statement (statements_of($w, $client, $code)) {
            my ($key, $text) = @$statement;
            $seen{ plain($text) } = 1;
            next if $text =~ /^SET / && $done{$key}++;    # said on each connection, whatever the request
            for my $error (@ERRORS) {
                my ($what, $times) = @$error;
                next if $what eq '1062' && $text !~ /^INSERT/;
                $who = person($client, $keeps ? $who : ());
                $w->{wire}->forget->cut("fail=$key:$what:$times");
                $code->($client, $who);
                $w->{wire}->does('pass');
                ++$cases;
                if ($w->{wire}->fired) { ++$met } else { print STDERR "not met: $name, $what, $key " . substr($text, 0, 40) . "\n" if $ENV{BA_KEEP} }
            }
        }
    }
    my @all = all_statements($w);
    my @met = grep { $seen{ $_->[1] } } @all;
    return $met >= 0.95 * $cases && sprintf '%d of %d statements, %d cases in %d s, in %d of which the statement was met', scalar @met, scalar @all, $cases, time - $seconds, $met;
}

1;
