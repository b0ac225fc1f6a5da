#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Who asks for a mail learns nothing about the address, by the answer or by the clock, and cannot flood its owner
# (security.md TH-8, TH-10, TH-12, TH-13).
use strict;
use warnings;
use BATest;
use IO::Socket::INET ();
use List::Util qw(max min);
use Time::HiRes qw(time sleep);

expect_log('BA0701');    # too many mails to one address

use constant { FLOOR => 0.1, SAMPLES => 8, ROUNDS => 8, BOUND => 0.04 };

sub same { my ($answer) = @_; return join "\n", $answer->{status}, (map { "$_->[0]: " . (lc $_->[0] eq 'date' ? '-' : $_->[1]) } @{ $answer->{headers} }), '', $answer->{body} }
sub forget { sql($_[0], 'DELETE FROM ba_mail; DELETE FROM test_mail; DELETE FROM verification;') }

# Headers first, the body half a second later; answers the time from its bytes to the answer.
sub slowly {
    my ($site, $path, $body) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => BATest::state()->{flavours}{ flavour() }{sites}{$site}{port}) or die $!;
    print {$socket} "POST /api/auth$path HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: @{[ length $body ]}\r\n\r\n";
    $socket->flush;
    sleep 0.5;
    my $begun = time;    # not after them: this process may wait for its turn then, while the answer's time runs
    print {$socket} $body;
    $socket->flush;
    my $answer = join '', <$socket>;
    like($answer, qr{^HTTP/1\.1 200 }, "$path, sent slowly");
    return time - $begun;
}

each_site {
    my ($site) = @_;
    my $strict = $site =~ s/^mail/strict/r;
    my $ada = sign_up($site, email => 'ada@example.com');
    my $proved = sign_up($site, email => 'proved@example.com');
    sql($site, q{UPDATE user SET emailVerified = 1 WHERE email = 'proved@example.com'});

    for my $path ('/request-password-reset', '/send-verification-email') {
        subtest $path => sub {
            my (%answer, %took, %median);
            # noise passes, a difference that tells something stays
            for my $round (1 .. ROUNDS) {
                %took = ();
                for (1 .. SAMPLES) {
                    for my $name (qw(ada proved nobody)) {
                        my $begun = time;
                        my $answer = post($site, $path, { email => "$name\@example.com" });
                        push @{ $took{$name} }, time - $begun;
                        $answer{ same($answer) }++;
                    }
                }
                forget($site);
                %median = map { $_ => (sort { $a <=> $b } @{ $took{$_} })[SAMPLES / 2] } keys %took;
                last if max(values %median) - min(values %median) < BOUND;
            }
            is(scalar keys %answer, 1, 'known, verified and unknown addresses get the same answer') or diag explain \%answer;
            cmp_ok(min(map { @$_ } values %took), '>=', FLOOR, 'not before its time');
            cmp_ok(max(values %median) - min(values %median), '<', BOUND, 'in the same time') or diag explain \%median;
            cmp_ok(slowly($site, $path, qq({"email":"$_\@example.com"})), '>=', FLOOR, "$_: the time of the body does not count") for qw(ada nobody);
            forget($site);
        };
    }

    subtest 'change-email' => sub {
        my %answer;
        my $begun = time;
        $answer{ same(post($site, '/change-email', { newEmail => $_ }, cookie => $ada->{cookie})) }++ for qw(proved@example.com free@example.com);
        cmp_ok(time - $begun, '>=', 2 * FLOOR, 'not before its time');
        is(scalar keys %answer, 1, 'a taken and a free address get the same answer') or diag explain \%answer;
        is_deeply([map { $_->{to} } mails($site)], ['free@example.com'], 'the free one is asked');
        forget($site);
    };

    subtest 'a flood' => sub {
        my @paths = ('/request-password-reset', '/send-verification-email');
        my %answer;
        $answer{$_}++ for parallel(60, sub { my $answer = post($site, $paths[$_[0] % 2], { email => 'ada@example.com' }); return $answer ? $answer->{status} : 'none' });
        is_deeply(\%answer, { 200 => 60 }, 'sixty requests at once are answered as ever');
        cmp_ok(scalar mails($site), '<=', 5, 'but BetterAuthMailLimit of them are mailed');
        cmp_ok(scalar mails($site), '>=', 1, 'and not none');
        my $before = mails($site);
        post($site, $_, { email => 'ada@example.com' }) for @paths, @paths, @paths;
        cmp_ok(scalar mails($site), '<=', 5, 'the next ones find it full');
        is(post($site, '/request-password-reset', { email => 'proved@example.com' })->{status}, 200, 'somebody else');
        is(scalar mails($site, 'proved@example.com'), 1, 'is not concerned');
        # from a session too, and to an address that is not the own one
        post($site, '/change-email', { newEmail => 'victim@example.com' }, cookie => $_->{cookie}) for ($ada) x 7;
        is(scalar mails($site, 'victim@example.com'), 5, 'nor is anybody flooded by a change of address');
        sql($site, 'UPDATE ba_mail SET createdAt = ' . (dialect($site) eq 'mysql' ? q{'2001-01-02 00:00:00'} : q{'2001-01-02T00:00:00.000Z'}));
        post($site, '/request-password-reset', { email => 'ada@example.com' });
        is((mails($site))[-1]{to}, 'ada@example.com', 'an hour later it goes on');
        clean($site);
    };

    subtest 'sign-up where a mail follows' => sub {
        clean($strict);
        my @keys;
        for my $n (1, 2) {
            my $answer = post($strict, '/sign-up/email', { name => 'Ada', email => 'ada@example.com', password => PASSWORD });
            push @keys, join ' ', $answer->{status}, sort(keys %{ $answer->{json} }), sort(keys %{ $answer->{json}{user} }), @{ cookies($answer)->{''} }, map { $_->[0] } @{ $answer->{headers} };
        }
        is($keys[1], $keys[0], 'a taken address looks like a new one');
        is(scalar mails($strict), 1, 'and gets no second mail');
        my (%least, %answer);
        for my $n (1 .. SAMPLES) {
            for my $email ('ada@example.com', "free$n\@example.com") {
                my $begun = time;
                $answer{ post($strict, '/sign-up/email', { name => 'Ada', email => $email, password => PASSWORD })->{status} }++;
                my ($kind, $took) = ($email =~ /^([a-z]+)/, time - $begun);
                $least{$kind} = $took if !$least{$kind} || $took < $least{$kind};
            }
        }
        is_deeply(\%answer, { 200 => 2 * SAMPLES }, 'taken and free ones');
        cmp_ok($least{$_}, '>=', FLOOR, "$_: not before its time") for sort keys %least;
        cmp_ok(abs($least{ada} - $least{free}), '<', BOUND, 'in the same time') or diag explain \%least;
        clean($strict);
    };
} 'mail';

done_testing;
