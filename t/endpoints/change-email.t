#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

sub change { my ($site, $user, $body, %o) = @_; return post($site, '/change-email', $body, cookie => $user->{cookie}, %o) }
sub open_link { my ($site, $url, %o) = @_; return request($site, GET => $url =~ s{^http://auth\.test}{}r, %o) }
sub email { my ($site, $user) = @_; return join ' ', @{ (sql($site, "SELECT email, emailVerified FROM user WHERE id = '$user->{user}{id}'"))[0] } }
sub claims { my ($url) = @_; return JSON::PP->new->decode(MIME::Base64::decode_base64url(($url =~ /token=[\w-]+\.([\w-]+)\./)[0])) }
sub made { my (%o) = @_; return ORIGIN . '/api/auth/verify-email?token=' . jwt(JSON::PP->new->encode({ iat => time, exp => time + 600, %o })) }
my @TYPE = (requestType => 'change-email-verification');

sub good {
    my ($answer, $name) = @_;
    json_is($answer, 200, $name);
    is($answer->{body}, '{"status":true}', "$name: body");
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com', name => 'Ada');
    my $bob = sign_up($site, email => 'bob@example.com');
    sql($site, 'UPDATE user SET emailVerified = 1');

    subtest 'a verified address is asked first' => sub {
        my $answer = change($site, $ada, { newEmail => 'New@Example.com', callbackURL => '/in?a' });
        good($answer, 'asks');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        my @mails = mails($site);
        is_deeply([map { $_->{to} } @mails], ['ada@example.com'], 'at the old address');
        my $first = $mails[0]{url};
        like($first, qr/&callbackURL=%2Fin%3Fa$/, 'with the callback');
        my $claims = claims($first);
        is_deeply([@$claims{qw(email updateTo requestType)}], [qw(ada@example.com new@example.com change-email-confirmation)], 'the link says what it is for');
        is(open_link($site, $first, cookie => $bob->{cookie})->{status}, 302, 'Bob opens it');
        is(header(open_link($site, $first, cookie => $bob->{cookie}), 'location'), '/in?a&error=INVALID_USER', 'and is refused');
        $answer = open_link($site, $first);
        is("$answer->{status} " . header($answer, 'location'), '302 /in?a', 'the old address agrees, signed in or not');
        is_deeply(cookies($answer)->{''}, [], 'which signs nobody in');
        is(email($site, $ada), 'ada@example.com 1', 'nothing has changed yet');
        @mails = mails($site, 'new@example.com');
        is(scalar @mails, 1, 'the new address is asked');
        my $second = $mails[0]{url};
        is_deeply([@{ claims($second) }{qw(email updateTo requestType)}], [qw(ada@example.com new@example.com change-email-verification)], 'by another link');
        is(header(open_link($site, $second, cookie => $bob->{cookie}), 'location'), '/in?a&error=INVALID_USER', 'not for Bob either');

        $answer = open_link($site, $second, cookie => $ada->{cookie});
        is("$answer->{status} " . header($answer, 'location'), '302 /in?a', 'the new address agrees');
        is(cookie_header($answer), $ada->{cookie}, 'the session goes on');
        is(email($site, $ada), 'new@example.com 1', 'now it is the address');
        my @notice = mails($site, 'ada@example.com');
        is(scalar @notice, 2, 'the old address is told');
        is($notice[1]{url}, undef, 'without a link');
        is(header(open_link($site, $_), 'location'), '/in?a&error=USER_NOT_FOUND', 'a link of before is good no more') for $first, $second;
        is(post($site, '/sign-in/email', { email => 'new@example.com', password => PASSWORD })->{status}, 200, 'sign-in by the new address');
        is(post($site, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD })->{status}, 401, 'not by the old one');
    };

    subtest 'an unproved address is not asked' => sub {
        clean($site);
        $ada = sign_up($site, email => 'ada@example.com', name => 'Ada');
        good(change($site, $ada, { newEmail => 'new@example.com' }), 'asks');
        my @mails = mails($site);
        is_deeply([map { $_->{to} } @mails], ['new@example.com'], 'at the new address');
        like($mails[0]{url}, qr/&callbackURL=%2F$/, 'leads home');
        my $answer = open_link($site, $mails[0]{url} =~ s/&callbackURL=.*//r);
        json_is($answer, 200, 'opened without a session and a callback');
        is_deeply([sort keys %{ $answer->{json} }], [qw(status user)], 'tells the user');
        is_deeply([@{ $answer->{json}{user} }{qw(id email emailVerified)}], [$ada->{user}{id}, 'new@example.com', JSON::PP::true], 'as it is now');
        is(request($site, GET => '/api/auth/get-session', cookie => cookie_header($answer))->{json}{user}{email}, 'new@example.com', 'and signs in, as better-auth does');
        is(scalar mails($site), 1, 'nobody has to be told');
    };

    subtest 'taken' => sub {
        clean($site);
        $ada = sign_up($site, email => 'ada@example.com');
        $bob = sign_up($site, email => 'bob@example.com');
        good(change($site, $ada, { newEmail => 'BOB@example.com' }), 'looks like any other');
        is(scalar mails($site), 0, 'but sends no mail');
        my $url = made(email => 'ada@example.com', updateTo => 'bob@example.com', @TYPE);
        error_is(open_link($site, $url), 422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', 'User already exists. Use another email.', 'taken between the mails');
        is(header(open_link($site, "$url&callbackURL=/in"), 'location'), '/in?error=USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', 'with a callback');
        is(email($site, $ada), 'ada@example.com 0', 'nothing has changed');
        is(session_count($site), 2, 'and nobody is signed in by it');
    };

    subtest 'each error' => sub {
        my @bad = (400, 'VALIDATION_ERROR');
        my $type = '[body.%s] Invalid input: expected string, received %s';
        error_is(change($site, $ada, {}), @bad, sprintf($type, 'newEmail', 'undefined'), 'nothing');
        error_is(change($site, $ada, { newEmail => undef }), @bad, sprintf($type, 'newEmail', 'null'), 'null');
        error_is(change($site, $ada, { newEmail => 7 }), @bad, sprintf($type, 'newEmail', 'number'), 'a number');
        error_is(change($site, $ada, { newEmail => {} }), @bad, sprintf($type, 'newEmail', 'object'), 'an object');
        error_is(change($site, $ada, { newEmail => $_ }), @bad, '[body.newEmail] Invalid email address', "'$_'")
            for '', 'new', 'new@example', 'new@example.com,eve@example.com', "new\@example.com\nBcc: eve\@example.com", ' new@example.com', "n\x{e9}w\@example.com", 'x' x 244 . '@example.co' . '1';
        error_is(change($site, $ada, { newEmail => 'x' x 245 . '@example.com' }), @bad, '[body.newEmail] Invalid email address', '257 characters');
        error_is(change($site, $ada, { newEmail => "new\@example.com\0" }), @bad, '[body.newEmail] Invalid input', 'a NUL');
        error_is(change($site, $ada, { newEmail => 'new@example.com', callbackURL => undef }), @bad, sprintf($type, 'callbackURL', 'null'), 'callbackURL null');
        error_is(change($site, $ada, { newEmail => 'new@example.com', callbackURL => $_ }), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', $_) for '//evil.test', 'https://evil.test', '/' . 'a' x 2048;
        error_is(change($site, $ada, []), @bad, '[body] Invalid input: expected object, received array', 'a list');
        error_is(request($site, POST => '/api/auth/change-email', cookie => $ada->{cookie}, origin => ORIGIN), @bad, '[body] Invalid input: expected object, received undefined', 'no body');
        error_is(change($site, $ada, { newEmail => 'new@example.com' }, origin => 'https://evil.test'), 403, 'INVALID_ORIGIN', 'Invalid origin', 'from elsewhere');
        my @who = (401, 'UNAUTHORIZED', 'Unauthorized');
        error_is(post($site, '/change-email', { newEmail => 'new@example.com' }), @who, 'nobody');
        error_is(change($site, { cookie => $ada->{cookie} . 'x' }, { newEmail => 'new@example.com' }), @who, 'a forged cookie');
        error_is(change($site, $ada, { newEmail => 'ADA@example.com' }), 400, undef, 'Email is the same', 'the own address');
        is(request($site, GET => '/api/auth/change-email', cookie => $ada->{cookie})->{status}, 404, 'GET');
        is(email($site, $ada), 'ada@example.com 0', 'nothing has changed');
        is(scalar mails($site), 0, 'and no mail was sent');
    };

    subtest 'at once, or by one mail' => sub {
        my $strict = $site =~ s/^mail/strict/r;
        clean($strict);
        post($strict, '/sign-up/email', { name => 'Ada', email => 'ada@example.com', password => PASSWORD });
        sql($strict, 'UPDATE user SET emailVerified = 1');
        my $in = post($strict, '/sign-in/email', { email => 'ada@example.com', password => PASSWORD });
        my $user = { cookie => cookie_header($in), user => $in->{json}{user} };
        good(change($strict, $user, { newEmail => 'new@example.com' }), 'verified, BetterAuthChangeEmailConfirm off');
        is((mails($strict))[-1]{to}, 'new@example.com', 'asks at the new address');
        is(email($strict, $user), 'ada@example.com 1', 'and waits');
        is(open_link($strict, (mails($strict))[-1]{url}, cookie => $user->{cookie})->{status}, 302, 'which agrees');
        is(email($strict, $user), 'new@example.com 1', 'now it is the address');
        is((mails($strict))[-1]{to}, 'ada@example.com', 'the old one is told');

        sql($strict, 'UPDATE user SET emailVerified = 0; DELETE FROM ba_mail; DELETE FROM test_mail;');
        my $answer = change($strict, $user, { newEmail => 'third@example.com' });
        good($answer, 'not verified, BetterAuthChangeEmailUnverified on');
        is(cookie_header($answer), $user->{cookie}, 'sends the cookie again');
        is(email($strict, $user), 'third@example.com 0', 'at once');
        is_deeply([map { $_->{to} } mails($strict)], ['third@example.com'], 'which is asked');
        is(claims((mails($strict))[0]{url})->{updateTo}, undef, 'to verify itself');
        post($strict, '/sign-up/email', { name => 'Bob', email => 'bob@example.com', password => PASSWORD });
        good(change($strict, $user, { newEmail => 'bob@example.com' }), 'a taken one');
        is(email($strict, $user), 'third@example.com 0', 'changes nothing');
        clean($strict);
    };

    subtest 'switched off' => sub {
        my $plain = $site =~ s/^mail-//r;
        clean($plain);
        my $user = sign_up($plain, email => 'ada@example.com');
        error_is(change($plain, $user, { newEmail => $_ }), 400, 'CHANGE_EMAIL_DISABLED', 'Change email is disabled', $_) for qw(new@example.com ada@example.com);
    };
} 'mail';

done_testing;
