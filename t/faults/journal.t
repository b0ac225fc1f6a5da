#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The checker that t/faults/galera trusts finds each kind of wrong, and finds none where there is none.

use strict;
use warnings;
use BATest::Journal;
use Test::More;

my $clock;
sub entry { my ($kind, $outcome, %more) = @_; $clock += 1; return { id => "e$clock", kind => $kind, node => 1, start => $clock, end => $clock + 0.5, outcome => $outcome, %more } }

# A day without trouble: two people, of whom one leaves; each line can be spoilt below.
sub story {
    $clock = 0;
    my %e = (
        ann      => entry('sign-up', 'ok', email => 'ann@a.example', user => 'A', token => 'a1', status => 200),
        bob      => entry('sign-up', 'ok', email => 'bob@a.example', user => 'B', token => 'b1', status => 200),
        again    => entry('sign-up', 'refused', email => 'ann@a.example', status => 422),
        lost     => entry('sign-up', 'unknown', email => 'eve@a.example', status => 503),
        sign_in  => entry('sign-in', 'ok', email => 'ann@a.example', sure => 1, token => 'a2', status => 200),
        probe    => entry('probe', 'ok', token => 'a2', alive => 1, status => 200),
        sign_out => entry('sign-out', 'ok', token => 'a2', status => 200),
        over     => entry('probe', 'ok', token => 'a2', alive => 0, status => 200),
        verify   => entry('verify', 'ok', user => 'A', status => 302),
        reset    => entry('reset', 'ok', user => 'A', secret => 's1', password => 'p', status => 200),
        reset_2  => entry('reset', 'refused', user => 'A', secret => 's1', password => 'q', status => 400),
        fault    => { %{ entry('fault', 'done') }, what => 'kill 2', proof => 'gone' },
        revoke   => entry('revoke', 'unknown', user => 'A', tokens => ['a1'], status => 503),
        deleted  => entry('delete', 'ok', user => 'B', secret => 's2', tokens => ['b1'], status => 200),
        refused  => entry('sign-in', 'refused', email => 'bob@a.example', status => 401),
    );
    my %left = map { $_ => { users => [{ id => 'A', email => 'ann@a.example', verified => 1 }], accounts => [{ user => 'A' }],
        sessions => [{ token => 'a1', user => 'A' }] } } 1 .. 3;
    return (\%e, \%left);
}

sub problems {
    my ($e, $left, %o) = @_;
    my $said = BATest::Journal::check([sort { $a->{start} <=> $b->{start} } values %$e], $left, %o);
    return wantarray ? $said : join ', ', map { $_->[0] } @{ $said->{problems} };
}

my ($e, $left) = story();
my ($said) = problems($e, $left);
is_deeply($said->{problems}, [], 'nothing wrong is found where nothing is');
is_deeply($said->{operations}{'sign-up'}, { ok => 2, refused => 1, unknown => 1 }, 'operations are counted by outcome');

# what is spoilt => what is to be found
my @SPOILT = (
    ['an acknowledged sign-up is gone', 'lost sign-up, lost session', sub { my ($e, $left) = @_;
        $e->{carl} = entry('sign-up', 'ok', email => 'carl@a.example', user => 'C', token => 'c1') }],
    ['one that may have failed is there', '', sub { my ($e, $left) = @_;
        push @{ $_->{users} }, { id => 'E', email => 'eve@a.example', verified => 0 } for values %$left; push @{ $_->{accounts} }, { user => 'E' } for values %$left }],
    ['half of it is there', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{users} }, { id => 'E', email => 'eve@a.example', verified => 0 } for values %$left }],
    ['an account without its user', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{accounts} }, { user => 'E' } for values %$left }],
    ['an account twice', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{accounts} }, { user => 'A' } for values %$left }],
    ['a session without its user', 'not whole', sub { my ($e, $left) = @_; push @{ $_->{sessions} }, { token => 'x', user => 'X' } for values %$left }],
    ['an address twice', 'address twice', sub { my ($e, $left) = @_;
        push @{ $_->{users} }, { id => 'A2', email => 'Ann@a.example', verified => 0 } for values %$left; push @{ $_->{accounts} }, { user => 'A2' } for values %$left }],
    ['an address acknowledged twice', 'lost sign-up, address twice', sub { my ($e, $left) = @_; @{ $e->{again} }{qw(outcome user)} = ('ok', 'A3') }],
    ['a deleted user is there', 'lost deletion', sub { my ($e, $left) = @_;
        push @{ $_->{users} }, { id => 'B', email => 'bob@a.example', verified => 0 } for values %$left; push @{ $_->{accounts} }, { user => 'B' } for values %$left }],
    ['a session is gone that nobody ended', 'lost session', sub { my ($e, $left) = @_; delete $e->{revoke}; $_->{sessions} = [] for values %$left }],
    ['one that somebody may have ended', '', sub { my ($e, $left) = @_; $_->{sessions} = [] for values %$left }],
    ['an ended session is there', 'lost revocation', sub { my ($e, $left) = @_; push @{ $_->{sessions} }, { token => 'a2', user => 'A' } for values %$left }],
    ['an ended session was alive', 'revoked session alive', sub { my ($e, $left) = @_; $e->{over}{alive} = 1 }],
    ['it was alive when it may have been', '', sub { my ($e, $left) = @_; $e->{over}{alive} = 1; $e->{sign_out}{outcome} = 'unknown' }],
    ['or while it ended', '', sub { my ($e, $left) = @_; $e->{over}{alive} = 1; $e->{over}{start} = $e->{sign_out}{end} - 0.1 }],
    ['a session was not known', 'session not seen', sub { my ($e, $left) = @_; $e->{probe}{alive} = 0 }],
    ['nor was it said', '', sub { my ($e, $left) = @_; delete $e->{probe}{alive} }],
    ['a token was used twice', 'token used twice', sub { my ($e, $left) = @_; $e->{reset_2}{outcome} = 'ok' }],
    ['or may have been', '', sub { my ($e, $left) = @_; $e->{reset_2}{outcome} = 'unknown' }],
    ['the right password was refused', 'sign-in refused', sub { my ($e, $left) = @_; delete $e->{sign_in}{token}; $e->{sign_in}{outcome} = 'refused'; delete @$e{qw(probe sign_out over)} }],
    ['a verification is gone', 'lost verification', sub { my ($e, $left) = @_; $_->{users}[0]{verified} = 0 for values %$left }],
    ['nodes differ', 'nodes differ', sub { my ($e, $left) = @_; $left->{3}{sessions} = [] }],
    ['an answer of 500', 'odd answer', sub { my ($e, $left) = @_; $e->{lost}{status} = 500 }],
    ['a fault that nobody saw', 'fault not proven', sub { my ($e, $left) = @_; $e->{fault}{proof} = '' }],
);
for my $row (@SPOILT) {
    my ($name, $expected, $spoil) = @$row;
    my @story = story();
    $spoil->(@story);
    is(problems(@story), $expected, $name);
}

# what Galera itself may lose when all nodes fall at once
($e, $left) = story();
$e->{carl} = entry('sign-up', 'ok', email => 'carl@a.example', user => 'C', token => 'c1');
($said) = problems($e, $left, forgive => [$clock, $clock + 1]);
is_deeply([map { $_->[0] } @{ $said->{problems} }], [], 'a loss in the time that is forgiven');
is_deeply([map { $_->[0] } @{ $said->{forgiven} }], ['lost sign-up', 'lost session'], 'is told apart');
is(scalar problems($e, $left, forgive => [$clock + 1, $clock + 2]), 'lost sign-up, lost session', 'one before is not forgiven');

done_testing;
