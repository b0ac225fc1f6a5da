#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use utf8;
use BATest;

sub list { my ($site, $user) = @_; return request($site, GET => '/api/auth/list-accounts', cookie => $user->{cookie}) }
sub remove { my ($site, $user, $id) = @_; return post($site, '/unlink-account', { accountId => $id }, cookie => $user->{cookie}) }
sub ids { my ($site, $user) = @_; return [map { $_->[0] } sql($site, "SELECT id FROM account WHERE userId = '$user->{user}{id}' ORDER BY id")] }

sub add_account {
    my ($site, $user, $id, %more) = @_;
    my %row = (id => $id, accountId => "subject of $id", providerId => 'github', userId => $user->{user}{id}, map({ ($_ => '2030-01-02 03:04:05.678') } qw(createdAt updatedAt)), %more);
    if (dialect($site) ne 'mysql') { s/^(\S+) (\S+)$/$1T$2Z/ for @row{qw(createdAt updatedAt)} }
    my @columns = sort keys %row;
    sql($site, sprintf 'INSERT INTO account (%s) VALUES (%s)', join(', ', @columns), join ', ', map { "'$row{$_}'" } @columns);
}

my @last    = (400, 'FAILED_TO_UNLINK_LAST_ACCOUNT', q{You can't unlink your last account});
my @unknown = (400, 'ACCOUNT_NOT_FOUND', 'Account not found');

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com');
    my $bob = sign_up($site, email => 'bob@example.com');
    my ($own, $bobs) = (ids($site, $ada)->[0], ids($site, $bob)->[0]);

    subtest '/list-accounts' => sub {
        my $answer = list($site, $ada);
        json_is($answer, 200, 'answers');
        my $row = $answer->{json}[0];
        is_deeply($answer->{json}, [{ id => $own, accountId => $ada->{user}{id}, providerId => 'credential', userId => $ada->{user}{id}, scopes => [],
            createdAt => $row->{createdAt}, updatedAt => $row->{updatedAt} }], 'the account of a sign-up');
        is($row->{createdAt}, $ada->{user}{createdAt}, 'made with the user') if is_httpd($site);
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        is(header($answer, 'cache-control'), 'no-store', 'is not to be kept') if is_httpd($site);

        my %tokens = map { $_ => "secret $_" } qw(accessToken refreshToken idToken password);
        add_account($site, $ada, 'second', scope => 'read:user,user:email', %tokens);
        $answer = list($site, $ada);
        my ($second) = grep { $_->{id} eq 'second' } @{ $answer->{json} };
        is_deeply($second, { id => 'second', accountId => 'subject of second', providerId => 'github', userId => $ada->{user}{id}, scopes => ['read:user', 'user:email'],
            createdAt => '2030-01-02T03:04:05.678Z', updatedAt => '2030-01-02T03:04:05.678Z' }, 'one of a provider');
        unlike($answer->{body}, qr/secret|\$argon2id|[0-9a-f]{32}:[0-9a-f]/, 'no token, no hash');
        is(scalar @{ list($site, $bob)->{json} }, 1, 'another user sees only the own one');
        my %scopes = ('' => [], 'a' => ['a'], 'a, b' => [qw(a b)], 'a,,b,' => [qw(a b)], ',' => [], 'a b' => ['a b']);
        for my $scope (sort keys %scopes) {
            sql($site, "UPDATE account SET scope = '$scope' WHERE id = 'second'");
            my ($row) = grep { $_->{id} eq 'second' } @{ list($site, $ada)->{json} };
            is_deeply($row->{scopes}, $scopes{$scope}, "scope '$scope'");
        }
        sql($site, "DELETE FROM account WHERE userId = '$bob->{user}{id}'");
        is(list($site, $bob)->{body}, '[]', 'none at all');
        error_is(remove($site, $bob, $bobs), @unknown, 'of which none can be taken away');
        add_account($site, $bob, $bobs);
    };

    subtest '/unlink-account' => sub {
        my $both = ids($site, $ada);
        my %none = ('of another user' => $bobs, unknown => 'x', empty => '', 'the subject at the provider' => 'subject of second', 'the user id' => $ada->{user}{id},
            'in other case' => 'SECOND', 'with a blank behind' => 'second ', quotes => "' OR '1'='1", long => 'x' x 5000);
        error_is(remove($site, $ada, $none{$_}), @unknown, $_) for sort keys %none;
        my $bad = '[body.accountId] Invalid input: expected string, received %s';
        error_is(remove($site, $ada, undef), 400, 'VALIDATION_ERROR', sprintf($bad, 'null'), 'null');
        error_is(remove($site, $ada, 1), 400, 'VALIDATION_ERROR', sprintf($bad, 'number'), 'a number');
        error_is(remove($site, $ada, ['second']), 400, 'VALIDATION_ERROR', sprintf($bad, 'array'), 'a list');
        error_is(post($site, '/unlink-account', {}, cookie => $ada->{cookie}), 400, 'VALIDATION_ERROR', sprintf($bad, 'undefined'), 'nothing');
        is_deeply(ids($site, $ada), $both, 'all are there');

        my $answer = remove($site, $ada, 'second');
        json_is($answer, 200, 'one of two');
        is($answer->{body}, '{"status":true}', 'body');
        is_deeply(ids($site, $ada), [$own], 'is gone, the other is not');
        is_deeply(ids($site, $bob), [$bobs], 'nor is that of somebody else');
        error_is(remove($site, $ada, $_), @last, "the last one, asked for as '$_'") for $own, 'second', $bobs;
        is_deeply(ids($site, $ada), [$own], 'stays');

        add_account($site, $ada, 'third');
        is(remove($site, $ada, $own)->{status}, 200, 'the password may go when another is left');
        is(post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD })->{status}, 401, 'then it is good no more');
        is(request($site, GET => '/api/auth/get-session', cookie => $ada->{cookie})->{json}{user}{email}, 'ada@example.com', 'the session lives');
    };

    # npm counts first and deletes then, so that two at once leave nothing.
    subtest 'two at the same moment' => sub {
        plan skip_all => 'needs httpd' unless is_httpd($site);
        my $user = sign_up($site);
        for my $round (1 .. 5) {
            add_account($site, $user, "other$round");
            my @both = @{ ids($site, $user) };
            my @said = sort { $a cmp $b } parallel(2, sub { my $a = remove($site, $user, $both[ $_[0] - 1 ]); "$a->{status} " . ($a->{json}{code} // '') });
            is_deeply(\@said, ['200 ', '400 FAILED_TO_UNLINK_LAST_ACCOUNT'], "round $round: one of them is the last") or diag explain \@said;
            is(scalar @{ ids($site, $user) }, 1, 'and stays');
            add_account($site, $user, "again$round");
            @said = sort { $a cmp $b } parallel(2, sub { my $a = remove($site, $user, "again$round"); "$a->{status} " . ($a->{json}{code} // '') });
            is_deeply(\@said, ['200 ', '400 FAILED_TO_UNLINK_LAST_ACCOUNT'], 'both ask for the same one') or diag explain \@said;
            is(scalar @{ ids($site, $user) }, 1, 'the other stays');
        }
    };
};

done_testing;
