# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Journal;

# What clients did while servers failed, and whether what is left agrees with what they were told.
#
# An entry is one operation, a hash: id, kind, node, start, end, outcome, status. Outcome: ok (it was acknowledged), refused
# (it was not done), unknown (503, or no answer: it may have been done). And, by kind:
#
#   sign-up   email; user, token: what it got          sign-in   email, sure: the password is known to be right; token
#   sign-out  token                                    revoke    user, tokens: of all its sessions known before it
#   probe     token, alive: 1, 0                       verify    user: the address is verified
#   page      the same: the guarded page was shown     stranger  bytes: 1, 0, of the guarded page
#   reset     user, secret, password, tokens           delete    user, secret, tokens
#   fault     what, proof: how it is known to have happened; within, recovered: seconds, if that is measured
#
# Any of them with mail and email: acknowledged, it promises a mail to that address; with mail_may it may send one.
#
# What is left, by node: { users => [{ id, email, verified }], accounts => [{ user }], sessions => [{ token, user }] }.
# And of all, where it is measured, mails: [{ to, id }], those delivered, or given up as the mail server asked for.

use strict;
use warnings;
use BATest::Log qw(is_announced is_crash is_trouble);
use JSON::PP ();

my $json = JSON::PP->new->utf8->canonical;

sub append {
    my ($file, $entry) = @_;
    open my $out, '>>', $file or die "$file: $!\n";
    syswrite $out, $json->encode($entry) . "\n";
}

sub load {
    my @entries;
    for my $file (@_) {
        open my $in, '<', $file or die "$file: $!\n";
        push @entries, map { $json->decode($_) } <$in>;
    }
    return sort { $a->{start} <=> $b->{start} } @entries;
}

# Answers { operations => { kind => { outcome => count } }, problems => [ [rule, sentence] ], forgiven => [ the same ] }.
#   forgive => [from, to]: what was acknowledged in this time may be lost, and is told apart
#   mails => as above; answers => [500]: what may come beside 503
#   log => lines of the error log; expected => tags of it, or words of those that have none
sub check {
    my ($entries, $left, %o) = @_;
    my %said = (operations => {}, problems => [], forgiven => []);
    my %of;
    for my $entry (@$entries) {
        push @{ $of{ $entry->{kind} } }, $entry;
        $said{operations}{ $entry->{kind} }{ $entry->{outcome} // 'done' }++;
    }
    my %c = (of => \%of, problem => sub { push @{ $said{problems} }, [@_] });
    $c{lost} = sub {
        my ($entry, @problem) = @_;
        my $forgiven = $o{forgive} && $entry->{end} >= $o{forgive}[0] && $entry->{end} <= $o{forgive}[1];
        push @{ $said{ $forgiven ? 'forgiven' : 'problems' } }, [@problem];
    };
    my ($first) = sort keys %$left;
    $c{left} = $left->{$first};
    $c{user} = { map { $_->{id} => $_ } @{ $c{left}{users} } };
    _nodes_agree(\%c, $left);
    _answers(\%c, map { $_ => 1 } 503, @{ $o{answers} || [] });
    _rows_are_whole(\%c);
    _sign_ups(\%c);
    _sessions(\%c);
    _tokens(\%c);
    _strangers(\%c);
    _mails(\%c, $o{mails}) if $o{mails};
    _log(\%c, $o{log}, $o{expected} || []) if $o{log};
    _faults(\%c);
    return \%said;
}

sub _all { my ($c, @kinds) = @_; return map { @{ $c->{of}{$_} || [] } } @kinds }
sub _ok { return grep { $_->{outcome} eq 'ok' } _all(@_) }

sub _nodes_agree {
    my ($c, $left) = @_;
    my %form;
    for my $node (sort keys %$left) {
        for my $table (sort keys %{ $left->{$node} }) {
            my $rows = join "\n", sort map { $json->encode($_) } @{ $left->{$node}{$table} };
            $form{$table} //= $rows;
            $c->{problem}->('nodes differ', "node $node has other rows of $table") if $form{$table} ne $rows;
        }
    }
}

# 503 is an answer that a client can act on. Nothing else may come of a fault.
sub _answers {
    my ($c, %good) = @_;
    for my $entry (map { @$_ } values %{ $c->{of} }) {
        my $status = $entry->{status} or next;
        $c->{problem}->('odd answer', "$entry->{id} $entry->{kind}: $status") if $status >= 500 && !$good{$status};
    }
}

sub _rows_are_whole {
    my ($c) = @_;
    my (%accounts, %email);
    $accounts{ $_->{user} }++ for @{ $c->{left}{accounts} };
    for my $user (@{ $c->{left}{users} }) {
        my $n = $accounts{ $user->{id} } // 0;
        $c->{problem}->('not whole', "user $user->{id} has $n accounts") if $n != 1;
        $c->{problem}->('address twice', $user->{email}) if $email{ lc $user->{email} }++;
    }
    for my $table (qw(accounts sessions)) {
        $c->{problem}->('not whole', "a row of $table without its user $_->{user}") for grep { !$c->{user}{ $_->{user} } } @{ $c->{left}{$table} };
    }
}

sub _sign_ups {
    my ($c) = @_;
    my (%gone, %tried, %by_email);
    for my $entry (_all($c, 'delete')) {
        $tried{ $entry->{user} } = 1 if $entry->{outcome} ne 'refused';
        $gone{ $entry->{user} } = 1 if $entry->{outcome} eq 'ok';
    }
    for my $entry (_ok($c, 'sign-up')) {
        push @{ $by_email{ lc $entry->{email} } }, $entry;
        $c->{lost}->($entry, 'lost sign-up', "$entry->{id} $entry->{email}") if !$c->{user}{ $entry->{user} } && !$tried{ $entry->{user} };
    }
    for my $email (sort keys %by_email) {
        my ($one, @more) = @{ $by_email{$email} };
        $c->{problem}->('address twice', "$email was given to " . join ' and ', map { $_->{id} } $one, @more) if @more && !$tried{ $one->{user} };
    }
    $c->{lost}->($_, 'lost deletion', "$_->{id}: user $_->{user} is there") for grep { $c->{user}{ $_->{user} } } _ok($c, 'delete');
    for my $entry (_ok($c, 'verify')) {
        my $user = $c->{user}{ $entry->{user} } or next;
        $c->{lost}->($entry, 'lost verification', "$entry->{id}: user $entry->{user}") unless $user->{verified};
    }
}

sub _sessions {
    my ($c) = @_;
    my (%began, %tried, %ended);
    for my $entry (_ok($c, 'sign-up', 'sign-in')) { $began{ $entry->{token} } = $entry if $entry->{token} }
    for my $entry (_all($c, qw(sign-out revoke reset delete))) {
        next if $entry->{outcome} eq 'refused';
        for my $token ($entry->{token} // (), @{ $entry->{tokens} || [] }) {
            $tried{$token} = $entry->{start} if !defined $tried{$token} || $entry->{start} < $tried{$token};
            $ended{$token} = $entry if $entry->{outcome} eq 'ok' && (!$ended{$token} || $entry->{end} < $ended{$token}{end});
        }
    }
    my %there = map { $_->{token} => 1 } @{ $c->{left}{sessions} };
    for my $token (sort keys %began) {
        my $entry = $began{$token};
        $c->{lost}->($entry, 'lost session', "$entry->{id}, and nobody ended it") if !$there{$token} && !defined $tried{$token};
        $c->{lost}->($ended{$token}, 'lost revocation', "$ended{$token}{id} ended $entry->{id}, which is there") if $there{$token} && $ended{$token};
    }
    for my $probe (_all($c, qw(probe page))) {
        my ($token, $alive) = @$probe{qw(token alive)};
        next unless defined $alive;
        my ($from, $end, $try) = ($began{$token}, $ended{$token}, $tried{$token});
        $c->{lost}->($end, 'revoked session alive', sprintf '%s on node %s, %.3f s after %s', @$probe{qw(id node)}, $probe->{start} - $end->{end}, $end->{id})
            if $alive && $end && $probe->{start} > $end->{end};
        $c->{lost}->($from, 'session not seen', sprintf '%s on node %s, %.3f s after %s', @$probe{qw(id node)}, $probe->{start} - $from->{end}, $from->{id})
            if !$alive && $from && $probe->{start} > $from->{end} && (!defined $try || $try > $probe->{end});
    }
}

sub _tokens {
    my ($c) = @_;
    my %used;
    push @{ $used{ $_->{secret} } }, $_->{id} for _ok($c, qw(reset delete));
    for my $ids (sort { $a->[0] cmp $b->[0] } values %used) {
        $c->{problem}->('token used twice', join ' and ', @$ids) if @$ids > 1;
    }
    for my $entry (grep { $_->{sure} && $_->{outcome} eq 'refused' } _all($c, 'sign-in')) {
        $c->{lost}->({ end => $entry->{sure} }, 'sign-in refused', "$entry->{id} on node $entry->{node} of $entry->{email}, whose password is right");
    }
}

sub _strangers {
    my ($c) = @_;
    $c->{problem}->('protected byte', "$_->{id} was shown the guarded page") for grep { $_->{bytes} } _all($c, 'stranger');
}

# By address: a mail that comes twice has one id.
sub _mails {
    my ($c, $mails) = @_;
    my (%ids, %least, %most);
    $ids{ $_->{to} }{ $_->{id} } = 1 for @$mails;
    for my $entry (grep { $_->{mail} || $_->{mail_may} } map { @$_ } values %{ $c->{of} }) {
        $least{ $entry->{email} }++ if $entry->{mail} && $entry->{outcome} eq 'ok';
        $most{ $entry->{email} }++ if $entry->{outcome} ne 'refused';
    }
    for my $to (sort keys %{ { %least, %ids } }) {
        my ($n, $least, $most) = (scalar keys %{ $ids{$to} || {} }, $least{$to} // 0, $most{$to} // 0);
        $c->{problem}->('lost mail', "$n of at least $least to $to") if $n < $least;
        $c->{problem}->('mail that nobody asked for', "$n of at most $most to $to") if $n > $most;
    }
}

# No child may crash, and nothing may be said that was not to be expected or that opens a door.
my %SECRET = ('a password' => qr/correct horse/, 'a cookie' => qr/session_token=\S/, 'a hash' => qr/\$argon2id\$/);

sub _log {
    my ($c, $lines, $expected) = @_;
    for my $line (@$lines) {
        chomp $line;
        for my $what (sort keys %SECRET) { $c->{problem}->('secret in the log', $what) if $line =~ $SECRET{$what} }
        $c->{problem}->('crash', $line) if is_crash($line) || $line =~ /Assertion|stack smashing/;
        $c->{problem}->('unexpected line', $line) if is_trouble($line) && !is_announced($line, @$expected);
    }
}

sub _faults {
    my ($c) = @_;
    for my $fault (_all($c, 'fault')) {
        $c->{problem}->('fault not proven', $fault->{what}) unless $fault->{proof};
        next unless $fault->{within};
        $c->{problem}->('not well again', "$fault->{what}: " . (defined $fault->{recovered} ? "after $fault->{recovered} s" : 'never') . ", $fault->{within} s were allowed")
            if !defined $fault->{recovered} || $fault->{recovered} > $fault->{within};
    }
}

1;
