#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use utf8;
use BATest;

my $NEXT = 'another horse battery';

sub change { my ($site, $user, %body) = @_; return post($site, '/change-password', { currentPassword => PASSWORD, newPassword => $NEXT, %body }, cookie => $user->{cookie}) }
sub verify { my ($site, $user, $password) = @_; return post($site, '/verify-password', { password => $password }, cookie => $user->{cookie}) }
sub sign_in { my ($site, $user, $password) = @_; return post($site, '/sign-in/email', { email => $user->{email}, password => $password }) }
sub stored { my ($site, $user) = @_; return (sql($site, "SELECT password FROM account WHERE userId = '$user->{user}{id}'"))[0][0] }
sub alive { my ($site, $cookie) = @_; return request($site, GET => '/api/auth/get-session', cookie => $cookie)->{json} }

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com', name => 'Ada');
    my $bob = sign_up($site, email => 'bob@example.com', password => "Bob's horse battery");

    subtest '/change-password' => sub {
        my $old = stored($site, $ada);
        my $other = cookie_header(sign_in($site, $ada, PASSWORD));
        my $bobs = stored($site, $bob);
        my $answer = change($site, $ada);
        json_is($answer, 200, 'changes it');
        is_deeply($answer->{json}, { token => undef, user => $ada->{user} }, 'body');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        isnt(stored($site, $ada), $old, 'another hash');
        like(stored($site, $ada), is_httpd($site) ? qr/^\$argon2id\$/ : qr/^[0-9a-f]{32}:/, 'of the usual kind');
        is(stored($site, $bob), $bobs, 'and nobody else\'s');
        is(sign_in($site, $ada, PASSWORD)->{status}, 401, 'the old one is good no more');
        is(sign_in($site, $ada, $NEXT)->{status}, 200, 'the new one is');
        ok(alive($site, $_), 'the sessions live') for $ada->{cookie}, $other;
        is(change($site, $ada, currentPassword => $NEXT, newPassword => PASSWORD, revokeOtherSessions => JSON::PP::false)->{status}, 200, 'and back');
        ok(alive($site, $other), 'revokeOtherSessions false ends none');
        is(session_count($site), 4, 'none is made');
        is(change($site, $ada, newPassword => PASSWORD)->{status}, 200, 'the new one may be the old one');
    };

    subtest 'in any composition' => sub {
        is(change($site, $ada, newPassword => "Pa\x{301}sswörd \x{fb01} \x{1F600}")->{status}, 200, 'composed as it may be');
        is(change($site, $ada, currentPassword => "P\x{e1}sswo\x{308}rd fi \x{1F600}", newPassword => PASSWORD)->{status}, 200, 'it is the same password');
    };

    subtest 'revokeOtherSessions' => sub {
        my $other = cookie_header(sign_in($site, $ada, PASSWORD));
        my $answer = change($site, $ada, newPassword => PASSWORD, revokeOtherSessions => JSON::PP::true);
        json_is($answer, 200, 'changes it');
        my $token = $answer->{json}{token};
        is_deeply($answer->{json}, { token => $token, user => $ada->{user} }, 'body');
        like($token, qr/^[a-zA-Z0-9]{32}$/, 'with a token');
        isnt($token, $ada->{token}, 'that is new');
        is_deeply(cookies($answer), { '' => ['better-auth.session_token'], 'better-auth.session_token' => {
            value => signed($token), attributes => 'Max-Age=604800; Path=/; HttpOnly; SameSite=Lax' } }, 'cookie');
        no_session($site, $_, 'every session of before is over') for $ada->{cookie}, $other;
        is_deeply([map { $_->[0] } sql($site, "SELECT token FROM session WHERE userId = '$ada->{user}{id}'")], [$token], 'the new one alone');
        ok(alive($site, $bob->{cookie}), 'the other user does not notice');
        $ada->{cookie} = cookie_header($answer);
        is(alive($site, $ada->{cookie})->{session}{token}, $token, 'the cookie is good');
    };

    subtest 'revokeOtherSessions, not remembered' => sub {
        my $in = post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD, rememberMe => JSON::PP::false });
        my $answer = change($site, { cookie => cookie_header($in) }, newPassword => PASSWORD, revokeOtherSessions => JSON::PP::true);
        is($answer->{status}, 200, 'changes it');
        is_deeply(cookies($answer)->{''}, [qw(better-auth.session_token better-auth.dont_remember)], 'two cookies');
        is(cookies($answer)->{$_}{attributes}, 'Path=/; HttpOnly; SameSite=Lax', "$_ ends with the browser") for @{ cookies($answer)->{''} };
        $ada->{cookie} = cookie_header($answer);
    };

    my @before = (stored($site, $ada), session_count($site));

    subtest 'each error' => sub {
        my $bad = '[body.%s] Invalid input: expected %s, received %s';
        my @bad = (400, 'VALIDATION_ERROR');
        for my $field (qw(newPassword currentPassword)) {
            error_is(change($site, $ada, $field => undef), @bad, sprintf($bad, $field, 'string', 'null'), "$field null");
            error_is(change($site, $ada, $field => 12345678), @bad, sprintf($bad, $field, 'string', 'number'), "$field a number");
            error_is(change($site, $ada, $field => [PASSWORD]), @bad, sprintf($bad, $field, 'string', 'array'), "$field a list");
        }
        error_is(change($site, $ada, revokeOtherSessions => 'true'), @bad, sprintf($bad, 'revokeOtherSessions', 'boolean', 'string'), 'revokeOtherSessions as text');
        error_is(change($site, $ada, revokeOtherSessions => undef), @bad, sprintf($bad, 'revokeOtherSessions', 'boolean', 'null'), 'revokeOtherSessions null');
        my $empty = post($site, '/change-password', {}, cookie => $ada->{cookie});
        error_is($empty, @bad, join('; ', map { sprintf $bad, $_, 'string', 'undefined' } qw(newPassword currentPassword)), 'nothing');

        my @short = (400, 'PASSWORD_TOO_SHORT', 'Password too short');
        my @long  = (400, 'PASSWORD_TOO_LONG', 'Password too long');
        my @wrong = (400, 'INVALID_PASSWORD', 'Invalid password');
        error_is(change($site, $ada, newPassword => '1234567'), @short, '7 characters');
        error_is(change($site, $ada, newPassword => ''), @short, 'an empty new one');
        error_is(change($site, $ada, newPassword => 'p' x 129), @long, '129 characters');
        error_is(change($site, $ada, currentPassword => 'p' x 129), @long, '129 characters as the current one');
        error_is(change($site, $ada, newPassword => 'x', currentPassword => 'wrong'), @short, 'the length is told before a wrong password');
        error_is(change($site, $ada, currentPassword => $_, revokeOtherSessions => JSON::PP::true), @wrong, "the current one is '$_'")
            for 'wrong horse battery', '', uc PASSWORD, PASSWORD . ' ', $bob->{password}, $NEXT;
        is_deeply([stored($site, $ada), session_count($site)], \@before, 'nothing was written');

        my @none = (400, 'CREDENTIAL_ACCOUNT_NOT_FOUND', 'Credential account not found');
        my $undo = sub { sql($site, "UPDATE account SET providerId = 'credential', accountId = userId, password = '$before[0]' WHERE userId = '$ada->{user}{id}'") };
        for (["providerId = 'github'", 'of another provider'], ["accountId = 'other'", 'accountId is not the user id'], ['password = NULL', 'no password stored']) {
            my ($set, $name) = @$_;
            sql($site, "UPDATE account SET $set WHERE userId = '$ada->{user}{id}'");
            error_is(change($site, $ada, newPassword => PASSWORD), @none, $name);
            error_is(verify($site, $ada, PASSWORD), @wrong, "verify: $name");
            $undo->();
        }
        if (is_httpd($site)) {    # npm answers 500
            expect_log('BA0605');
            sql($site, "UPDATE account SET password = 'nonsense' WHERE userId = '$ada->{user}{id}'");
            error_is(change($site, $ada), @wrong, 'nonsense stored');
            error_is(verify($site, $ada, 'nonsense'), @wrong, 'verify: nonsense stored');
            $undo->();
        }
    };

    subtest '/verify-password' => sub {
        my $answer = verify($site, $ada, PASSWORD);
        json_is($answer, 200, 'the right one');
        is($answer->{body}, '{"status":true}', 'body');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        my @wrong = (400, 'INVALID_PASSWORD', 'Invalid password');
        error_is(verify($site, $ada, $_), @wrong, "'$_'") for 'wrong horse battery', '', 'x', uc PASSWORD, $bob->{password};
        error_is(verify($site, $ada, 'p' x 128), @wrong, '128 characters');
        error_is(verify($site, $ada, 'p' x 129), 400, 'PASSWORD_TOO_LONG', 'Password too long', '129 characters');
        my $bad = '[body.password] Invalid input: expected string, received %s';
        error_is(verify($site, $ada, undef), 400, 'VALIDATION_ERROR', sprintf($bad, 'null'), 'null');
        error_is(verify($site, $ada, 7), 400, 'VALIDATION_ERROR', sprintf($bad, 'number'), 'a number');
        error_is(verify($site, $ada, {}), 400, 'VALIDATION_ERROR', sprintf($bad, 'object'), 'an object');
        error_is(post($site, '/verify-password', {}, cookie => $ada->{cookie}), 400, 'VALIDATION_ERROR', sprintf($bad, 'undefined'), 'nothing');
        is_deeply([stored($site, $ada), session_count($site)], \@before, 'nothing was written');
    };

    # npm lets each of them succeed that has read the old hash.
    for my $revoke (is_httpd($site) ? (JSON::PP::false, JSON::PP::true) : ()) {
        subtest 'twenty at the same moment' . ($revoke ? ', revokeOtherSessions' : '') => sub {
            my $user = sign_up($site);
            my $others = session_count($site) - 1;
            my @said = parallel(20, sub {
                my ($n) = @_;
                my $answer = change($site, $user, newPassword => "new horse battery $n", revokeOtherSessions => $revoke);
                return $answer ? "$answer->{status} " . ($answer->{json}{code} // $answer->{json}{token} // '') : 'none';
            });
            my @good = grep { $said[$_] =~ /^200 / } 0 .. $#said;
            is(scalar @good, 1, 'one succeeds') or diag explain \@said;
            # Whose session the winner ended before it was asked for is nobody.
            my $expected = $revoke ? qr/^(?:400 INVALID_PASSWORD|401 UNAUTHORIZED)$/ : qr/^400 INVALID_PASSWORD$/;
            is(scalar(grep { $_ =~ $expected } @said), 19, 'to the others the password is wrong') or diag explain \@said;
            my @works = grep { sign_in($site, $user, "new horse battery $_")->{status} == 200 } 1 .. 20;
            is_deeply([map { $_ - 1 } @works], \@good, 'the hash is of that one');
            is(sign_in($site, $user, PASSWORD)->{status}, 401, 'the old one is good no more');
            my @tokens = map { $_->[0] } sql($site, "SELECT token FROM session WHERE userId = '$user->{user}{id}' ORDER BY createdAt");
            is_deeply([map { "200 $_" } $tokens[0]], [@said[@good]], 'and so is the session') if $revoke;
            is(scalar @tokens, 2, 'with the one of that sign-in');
            is(session_count($site) - 2, $others, 'others are left alone');
        };
    }
};

done_testing;
