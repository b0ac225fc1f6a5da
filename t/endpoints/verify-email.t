#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
use strict;
use warnings;
use BATest;

my $NULL = '{"status":true,"user":null}';

sub claims { my (%o) = @_; return sprintf '{%s"iat":%d,"exp":%d}', join('', map { qq("$_":"$o{$_}",) } grep { defined $o{$_} } qw(email updateTo requestType)), time - 10, time + 600 }
sub token { return jwt(claims(@_)) }
sub open_link { my ($site, $token, $callback, %o) = @_; return request($site, GET => "/api/auth/verify-email?token=$token" . (defined $callback ? '&callbackURL=' . uri_escape($callback) : ''), %o) }
sub verified { my ($site) = @_; return (sql($site, q{SELECT emailVerified FROM user WHERE email = 'ada@example.com'}))[0][0] }

sub goes_to {
    my ($answer, $url, $name) = @_;
    is("$answer->{status} " . (header($answer, 'location') // ''), "302 $url", $name);
    is($answer->{body}, '', "$name: no body");
}

each_site {
    my ($site) = @_;
    my $ada = sign_up($site, email => 'ada@example.com');
    my $unverify = sub { sql($_[0] // $site, 'UPDATE user SET emailVerified = 0') };

    subtest 'success' => sub {
        post($site, '/send-verification-email', { email => 'ada@example.com', callbackURL => '/in?a#b' });
        my ($path) = (mails($site))[0]{url} =~ m{^http://auth\.test(/.*)$};
        is(request($site, HEAD => $path)->{status}, 404, 'HEAD is no such thing');
        is(verified($site), 0, 'and changes nothing');
        my $answer = request($site, GET => $path);
        goes_to($answer, '/in?a#b', 'the mailed link');
        is_deeply(cookies($answer)->{''}, [], 'sets no cookie');
        is(header($answer, 'cache-control'), 'no-store', 'is kept by nobody');
        is(verified($site), 1, 'is verified');
        goes_to(request($site, GET => $path), '/in?a#b', 'again');
        is(session_count($site), 1, 'nobody was signed in');
        $unverify->();
        $answer = open_link($site, token(email => 'ada@example.com'));
        json_is($answer, 200, 'no callback');
        is($answer->{body}, $NULL, 'body');
        is(open_link($site, token(email => 'ada@example.com'))->{body}, $NULL, 'again');
        $unverify->();
        is(open_link($site, token(email => 'ADA@Example.com'), '')->{body}, $NULL, 'an empty callback, an address in another case');
        is(verified($site), 1, 'is verified');
        goes_to(open_link($site, token(email => 'ada@example.com'), $_), $_, $_) for '/', '/in', 'https://app.example/x', 'http://auth.test/y?z';
    };

    subtest 'bad tokens' => sub {
        $unverify->();
        my $good = claims(email => 'ada@example.com');
        my $token = jwt($good);
        my ($head, $body, $mac) = split /\./, $token;
        my $past = sprintf '{"email":"ada@example.com","iat":%d,"exp":%d}', time - 700, time - 1;
        my %bad = (
            'empty' => '', 'a word' => 'x', 'two parts' => "$head.$body", 'four parts' => "$token.$mac", 'no signature' => "$head.$body.",
            'a signature cut' => substr($token, 0, -1), 'of another secret' => jwt($good, secret => 'x' x 32), 'claims of another' => "$head." . MIME::Base64::encode_base64url($good =~ s/ada/eve/r) . ".$mac",
            (map { ("header $_" => jwt($good, header => $_)) } '{"alg":"none"}', '{"alg":"HS512"}', '{"alg":"RS256"}', '{}', '[]', 'x', '{"alg":"HS256","crit":["x"]}', '{"alg":"HS256","jku":"https://evil.test"}', '{"alg":"HS256","typ":"at+jwt"}'),
            'none, unsigned' => MIME::Base64::encode_base64url('{"alg":"none"}') . ".$body.",
            'no exp' => jwt('{"email":"ada@example.com"}'), 'exp as text' => jwt('{"email":"ada@example.com","exp":"9999999999"}'), 'exp without end' => jwt('{"email":"ada@example.com","exp":1e300}'),
            'exp below zero' => jwt('{"email":"ada@example.com","exp":-1}'), 'no address' => jwt(claims()), 'no email in it' => jwt(claims(email => 'ada')), 'a list' => jwt('[]'),
            'a NUL' => jwt(claims(email => 'ada@example.com\\u0000')), 'a change without its kind' => token(email => 'ada@example.com', updateTo => 'new@example.com'),
            'a change of another kind' => token(email => 'ada@example.com', updateTo => 'new@example.com', requestType => 'x'),
            'a change to no address' => token(email => 'ada@example.com', updateTo => 'new', requestType => 'change-email-verification'),
            'the session cookie' => $ada->{cookie} =~ s/^[^=]*=//r, 'the session token' => $ada->{token}, 'a blank after it' => "$token%20", 'escapes' => '%00%ff', 'long' => 'a' x 6000,
        );
        for my $name (sort keys %bad) {
            my $answer = open_link($site, $bad{$name});
            is("$answer->{status} " . ($answer->{json}{code} // ''), $answer->{status} == 400 ? '400 VALIDATION_ERROR' : '401 INVALID_TOKEN', $name);
            next if $answer->{status} == 400 && $name eq 'escapes';    # a NUL is no text
            is($answer->{status}, 401, "$name: 401");
            goes_to(open_link($site, $bad{$name}, '/in?a#b'), '/in?a&error=INVALID_TOKEN#b', "$name, with a callback");
        }
        my %fail = (TOKEN_EXPIRED => ['Token expired', jwt($past)], USER_NOT_FOUND => ['User not found', token(email => 'nobody@example.com')]);
        for my $code (sort keys %fail) {
            my ($message, $bad) = @{ $fail{$code} };
            error_is(open_link($site, $bad), 401, $code, $message);
            goes_to(open_link($site, $bad, 'https://app.example'), "https://app.example/?error=$code", "$code, with a callback");
        }
        is(verified($site), 0, 'nothing was verified');
    };

    subtest 'queries' => sub {
        my $token = token(email => 'ada@example.com');
        my $type = '[query.%s] Invalid input: expected string, received %s';
        my @bad = (400, 'VALIDATION_ERROR');
        my $get = sub { return request($site, GET => "/api/auth/verify-email$_[0]") };
        error_is($get->(''), @bad, sprintf($type, 'token', 'undefined'), 'nothing');
        error_is($get->('?Token=x'), @bad, sprintf($type, 'token', 'undefined'), 'another name');
        error_is($get->("?token=$token&token=$token"), @bad, sprintf($type, 'token', 'array'), 'two tokens');
        error_is($get->("?token=$token%00"), @bad, '[query.token] Invalid input', 'a NUL');
        error_is($get->("?token=$token&callbackURL=/&callbackURL=/"), @bad, sprintf($type, 'callbackURL', 'array'), 'two callbacks');
        error_is($get->("?callbackURL=/&callbackURL=/"), @bad, join('; ', sprintf($type, 'token', 'undefined'), sprintf($type, 'callbackURL', 'array')), 'both wrong');
        for my $url (qw(//evil.test https://evil.test /\\evil.test javascript:alert(1) in http:evil.test http://auth.test@evil.test), '/' . 'a' x 2048) {
            my $answer = open_link($site, $token, $url);
            error_is($answer, 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL', $url);
            is(header($answer, 'location'), undef, 'goes nowhere');
        }
        is(request($site, POST => "/api/auth/verify-email?token=$token", json => {})->{status}, 404, 'POST');
        is(verified($site), 0, 'nothing was verified');
    };

    subtest 'BetterAuthVerifySignsIn' => sub {
        my $strict = $site =~ s/^mail/strict/r;
        clean($strict);
        post($strict, '/sign-up/email', { name => 'Ada', email => 'ada@example.com', password => PASSWORD });
        my $token = token(email => 'ada@example.com');
        my $answer = open_link($strict, $token, '/in');
        goes_to($answer, '/in', 'verifies');
        is_deeply(cookies($answer)->{''}, ['better-auth.session_token'], 'and signs in');
        my $cookie = cookie_header($answer);
        is(request($strict, GET => '/api/auth/get-session', cookie => $cookie)->{json}{user}{emailVerified}, JSON::PP::true, 'the session is good');
        is_deeply(cookies(open_link($strict, $token))->{''}, [], 'once only');
        is(session_count($strict), 1, 'one session');
        $unverify->($strict);
        $answer = open_link($strict, $token, undef, cookie => $cookie);
        is(cookie_header($answer), $cookie, 'who is signed in stays so');
        is(session_count($strict), 1, 'in the same session');
        clean($strict);
    };
} 'mail';

done_testing;
